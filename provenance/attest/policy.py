"""The policy that a PASSED summary of this package stands for."""

from __future__ import annotations

from kfp_provenance.facts import Digest

CHAIN_POLICY_TEXT = """\
A chain passes if
1. each of its steps is recorded and succeeded;
2. each input of each step is, by name and digest, an output of a step of the chain,
   or a root: a source that the step itself declared, or a digest or URI that the
   signer declared;
3. no step is upstream of itself;
4. the steps of one run name one pipeline, one pipeline digest and one namespace;
5. each step of another run is named by that run and linked by digest;
6. each subject is an output of a step of the chain;
7. stored bytes that could be read again had the recorded digests, and those that
   could not be read are named.
"""

CHAIN_POLICY_DIGEST = Digest.of(CHAIN_POLICY_TEXT.encode())
