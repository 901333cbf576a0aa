// Checks a log directory with the Go team's tlog and note packages, which share nothing with ours.
//
//	tlogcheck DIRECTORY VKEY [CHECKPOINT ...]
//
// Every tile must hash up to the signed root, every entry be the one that its tile says, every entry have a
// proof of inclusion, and the tree extend every older checkpoint given. Exit 0 and one line when all holds.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

// files reads tiles from a directory; C2SP leaves the height, 8, out of the path.
type files struct{ directory string }

func (f files) Height() int                     { return 8 }
func (f files) SaveTiles([]tlog.Tile, [][]byte) {}
func (f files) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(f.directory, path))
}
func (f files) ReadTiles(t []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range t {
		data, err := f.read(strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: length", tile.Path())
		}
		found = append(found, data)
	}
	return found, nil
}

// bundle reads the entries from start on, as many as its file has.
func (f files) bundle(start, size int64) ([][]byte, error) {
	tile := tlog.Tile{H: 8, L: -1, N: start / width, W: width}
	if size-start < width {
		tile.W = int(size - start)
	}
	path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	data, err := f.read(path)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(data))
		if end > len(data) {
			return nil, fmt.Errorf("%s: cut short", path)
		}
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if len(data) != 0 || len(entries) != tile.W {
		return nil, fmt.Errorf("%s: %d entries, %d bytes over", path, len(entries), len(data))
	}
	return entries, nil
}

// head opens a checkpoint: a note of three lines, origin, size and root, signed by the verifier.
func head(path string, verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("%s: no checkpoint of this log", path)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// stored reads every hash of the tree; the tile reader refuses tiles that do not hash up to the root.
func stored(f files, tree tlog.Tree) (tlog.HashReader, error) {
	indices := make([]int64, tlog.StoredHashCount(tree.N))
	for n := range indices {
		indices[n] = int64(n)
	}
	hashes, err := tlog.TileHashReader(tree, f).ReadHashes(indices)
	return tlog.HashReaderFunc(func(wanted []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(wanted))
		for n, index := range wanted {
			found[n] = hashes[index]
		}
		return found, nil
	}), err
}

// checkEntries proves for every entry that it is in the tree at its place.
func checkEntries(f files, tree tlog.Tree, hashes tlog.HashReader) error {
	for start := int64(0); start < tree.N; start += width {
		entries, err := f.bundle(start, tree.N)
		if err != nil {
			return err
		}
		for n, entry := range entries {
			index := start + int64(n)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err == nil {
				err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
			}
			if err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
		}
	}
	return nil
}

// checkExtends proves that the tree extends that of an older checkpoint.
func checkExtends(old, tree tlog.Tree, hashes tlog.HashReader) error {
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

func check(directory, vkey string, older []string) (int64, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, err
	}
	f := files{directory}
	tree, err := head(filepath.Join(directory, "checkpoint"), verifier)
	if err != nil {
		return 0, err
	}
	hashes, err := stored(f, tree)
	if err == nil {
		err = checkEntries(f, tree, hashes)
	}
	for n := 0; n < len(older) && err == nil; n++ {
		var old tlog.Tree
		if old, err = head(older[n], verifier); err == nil {
			err = checkExtends(old, tree, hashes)
		}
	}
	return tree.N, err
}

func main() {
	size, err := check(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Printf("%d entries, %d older checkpoints\n", size, len(os.Args)-3)
}
