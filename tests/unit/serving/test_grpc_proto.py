from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parents[3]
WIRE = "services/serving/api/grpc/wire"


def test_the_code_is_what_the_compiler_makes_of_the_definition(tmp_path: Path) -> None:
    options = [f"--proto_path={ROOT}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]

    assert protoc.main(["protoc", *options, str(ROOT / WIRE / "open_inference.proto")]) == 0

    for name in ("open_inference_pb2.py", "open_inference_pb2.pyi"):
        made = (tmp_path / WIRE / name).read_text()
        assert (ROOT / WIRE / name).read_text() == made, "make proto"
