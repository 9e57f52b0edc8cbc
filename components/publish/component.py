"""Component ``publish``: a model and its bundle under names made of their content."""

from kfp.dsl import Artifact, Input, Model, Output

from kfp_provenance.authoring import component
from kfp_provenance.components._image import BASE_IMAGE


@component(base_image=BASE_IMAGE, install_kfp_package=False)
def publish(
    model: Input[Model],
    bundle: Input[Artifact],
    receipt: Output[Artifact],
    destination: str,
    name: str,
    public_key: str = "",
    trust: str = "",
):
    """Verify the bundle, write model and bundle once, then move the model's pointer.

    The names are ``<destination>/sha256-<model>/<file>`` and, beside the model,
    ``sha256-<bundle>.sigstore.jsonl``. Bytes that are there already are left alone; other
    bytes under the same name are an error. The pointer ``<destination>/<name>.json`` is
    replaced only if nobody moved it meanwhile.

    Args:
        model: The model.
        bundle: Its provenance bundle.
        receipt: The pointer as it was written: JSON with URIs and digests.
        destination: Folder or bucket: a path, ``file:`` or ``gs:``.
        name: Name of the model: letters, digits, ``-``, ``_`` and ``.``.
        public_key: PEM of the key that must have signed the bundle; empty with ``trust``.
        trust: Path, in the task, of a trust policy that says who may have signed it.
    """
    from pathlib import Path

    from kfp_provenance.publishing import publish_model, trust_in

    written = publish_model(
        Path(model.path),
        Path(bundle.path),
        destination=destination,
        name=name,
        trust=trust_in(public_key, trust),
    )
    Path(receipt.path).write_text(written.text, encoding="utf-8")
    receipt.metadata["model"] = written.model_uri
    receipt.metadata["bundle"] = written.bundle_uri
    receipt.metadata["pointer"] = written.pointer_uri
    receipt.metadata["name"] = name
