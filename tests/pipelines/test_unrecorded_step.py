"""A step that ends its process behind the runtime's back leaves no record, and no chain."""

# no `from __future__ import annotations`: KFP reads the annotations
from contextlib import closing
from pathlib import Path

from kfp import dsl
from kfp.dsl import Dataset, Output

from kfp_provenance.codes import Code
from kfp_provenance.facts import Input, InputOrigin
from kfp_provenance.lineage import collect_chain
from kfp_provenance.metadata import open_reader
from support.launcher import backend
from support.replay_contract import Cluster
from support.tracking import tracked


@tracked
def vanish(data: Output[Dataset]):
    import os
    from pathlib import Path

    Path(data.path).write_text("made by nobody")
    os._exit(0)


@tracked
def derive(data: dsl.Input[Dataset], model: Output[Dataset]):
    from pathlib import Path

    Path(model.path).write_text(Path(data.path).read_text())


@dsl.pipeline(name="vanishing")
def vanishing(ran: str = "", seed: int = 0):
    derive(data=vanish().outputs["data"])


def test_its_output_is_an_undeclared_input_for_whoever_signs(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/metadata.db"
    with backend(tmp_path, {"KPROV_STORE": store}) as one:
        cluster = Cluster(tmp_path, one, vanishing)
        run = cluster.submit()
        assert run.states == {"vanish": "COMPLETE", "derive": "COMPLETE"}, run.logs
        (step,) = cluster.recorded(run).steps
    (made,) = step.outputs
    model = Input("model", 0, made.artifact, InputOrigin.STEP, producer=step.id, output=made.name)
    with closing(open_reader(store)) as reader:
        chain = collect_chain(reader, [model], run=run.id)
    assert step.task == "derive"
    assert [finding.code for finding in chain.findings] == [Code.CHAIN_INPUT_UNDECLARED]
