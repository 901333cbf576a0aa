"""spaCy pipelines with a network that nobody trained."""

from functools import cache

import numpy as np
import spacy
from spacy.language import Language
from thinc.api import fix_random_seed

LABELS = ("PERSON", "ORG", "DATE")


@cache
def pipeline(seed: int, *, is_shared: bool = False) -> Language:
    """A network of random weights, so that any move may follow any other that is allowed."""
    nlp = spacy.blank("en")
    config = {"model": {"tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}}}
    if is_shared:
        nlp.add_pipe("tok2vec")
    ner = nlp.add_pipe("ner", config=config if is_shared else {})
    for label in LABELS:
        ner.add_label(label)  # type: ignore[attr-defined]  # spaCy's factory says Pipe
    fix_random_seed(seed)
    nlp.initialize()
    rng = np.random.default_rng(seed)
    upper = ner.model.get_ref("upper")  # type: ignore[attr-defined]
    upper.set_param("W", rng.normal(size=upper.get_param("W").shape).astype("f"))
    upper.set_param("b", rng.normal(size=upper.get_param("b").shape).astype("f") / 8)
    ner.model.attrs["unseen_classes"].clear()  # type: ignore[attr-defined]
    return nlp
