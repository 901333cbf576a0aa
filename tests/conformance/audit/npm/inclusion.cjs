// Asks the Merkle module of @sigstore/verify about inclusion proofs: one JSON object a line in, one verdict out.
"use strict";

const path = require("node:path");
const { verifyMerkleInclusion } = require(
  path.join(process.argv[2], "@sigstore/verify/dist/tlog/merkle.js"),
);

const bytes = (text) => Buffer.from(text, "base64");

function verdict(line) {
  const claim = JSON.parse(line);
  const entry = {
    canonicalizedBody: bytes(claim.entry),
    inclusionProof: { logIndex: claim.index, hashes: claim.proof.map(bytes) },
  };
  try {
    verifyMerkleInclusion(entry, { logSize: claim.size, logHash: bytes(claim.root) });
    return "ok";
  } catch (error) {
    return error.code ?? "crash";
  }
}

const lines = require("node:fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
process.stdout.write(lines.map((line) => `${verdict(line)}\n`).join(""));
