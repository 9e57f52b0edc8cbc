"""Component ``sign``: one signed bundle over the whole chain."""

from kfp.dsl import HTML, Artifact, Input, Model, Output

from kfp_provenance.authoring import component
from kfp_provenance.components._image import BASE_IMAGE


@component(base_image=BASE_IMAGE, install_kfp_package=False)
def sign(
    model: Input[Model],
    bundle: Output[Artifact],
    lineage: Output[HTML],
    signer: str,
    run: str,
    roots: list = [],
    require_all_bytes: bool = False,
    step_trust: str = "",
    evidence_1: Input[Artifact] = None,
    evidence_2: Input[Artifact] = None,
    evidence_3: Input[Artifact] = None,
    evidence_4: Input[Artifact] = None,
    evidence_5: Input[Artifact] = None,
    evidence_6: Input[Artifact] = None,
    evidence_7: Input[Artifact] = None,
    evidence_8: Input[Artifact] = None,
):
    """Collect the chain behind the model, hash the stored bytes again, and sign.

    Reads every step upstream of the model and of the evidence from the metadata store. A
    chain that does not hold is not signed: a missing or failed step, an input that nobody
    produced and nobody declared as a root, stored bytes that changed. Otherwise writes one
    signed SLSA provenance statement for each step and a signed summary of them all.

    Args:
        model: What the bundle is about.
        bundle: The provenance bundle, one Sigstore bundle a line (``.sigstore.jsonl``).
        lineage: The chain as a picture, for the KFP UI.
        signer: URI of the signer, for example ``file:/keys/signer.key``. Holds no secret.
        run: Pass ``dsl.PIPELINE_JOB_ID_PLACEHOLDER``. In a cluster it keeps this task from
            ever being taken from the cache, and must be the run of the task itself.
        roots: Digests (``sha256:...``) or exact URIs that may come from outside although no
            step declared them, for example what ``dsl.importer`` brought in.
        require_all_bytes: Refuse to sign if the stored bytes of an artifact cannot be read.
        step_trust: Path, in the task, of a trust policy that says who may sign steps. With it
            every step must have been signed by its own task (``KPROV_STEP_SIGNER``); what they
            signed is compared with the store and goes into the bundle as it is.
        evidence_1: An artifact beside the model, for example its evaluation: the steps behind
            it are signed too, and its bytes are hashed again because KFP mounts them.
        evidence_2: Another one.
        evidence_3: Another one.
        evidence_4: Another one.
        evidence_5: Another one.
        evidence_6: Another one.
        evidence_7: Another one.
        evidence_8: Another one.
    """
    from pathlib import Path

    from kfp_provenance.components.sign.signing import check_run, sign_task_chain

    check_run(run)
    signed = sign_task_chain(
        signer,
        roots=[str(root) for root in roots],
        require_all_bytes=require_all_bytes,
        step_trust=step_trust,
    )
    Path(bundle.path).write_bytes(signed.bundle)
    bundle.metadata["mediaType"] = "application/jsonl"
    bundle.metadata["steps"] = str(signed.steps)
    bundle.metadata["signer"] = signed.signer
    bundle.metadata["subject"] = signed.subject
    Path(lineage.path).write_text(signed.page, encoding="utf-8")
