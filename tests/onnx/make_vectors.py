#!/usr/bin/env -S python3 -B
"""The test vectors of the ONNX operator Attention, made where they are absent.

make_vectors.py FOLDER MADE: does nothing where FOLDER is there, or where
MASKWISE_ONNX_DATA names one; else has PyPI's package onnx make the vectors into
MADE, with a virtual environment of its own beside it. Where the package
is not to be had it says why, and the tests that need the vectors are skipped.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import warnings

PACKAGE = "onnx==1.23.2"  # the first with the cases of opset 25
SAFETENSORS = {"bool": "BOOL", "bfloat16": "BF16", "float16": "F16",
               "float32": "F32", "float64": "F64", "int32": "I32",
               "int64": "I64"}
# Two units in the last place of bf16, which ONNX's own test runner grants.
BF16_RTOL = 2**-6
SECONDS = 300  # for one step of the installation


def save_tensors(path, tensors):
    """`tensors`, arrays by name, as a safetensors file."""
    header, data = {}, b""
    for name, array in tensors.items():
        begin = len(data)
        data += array.tobytes()
        header[name] = {"dtype": SAFETENSORS[array.dtype.name],
                        "shape": list(array.shape),
                        "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def save_case(folder, case, helper):
    """Writes the files of one case; returns its entry in the index."""
    node, = case.model.graph.node
    (inputs, outputs), = case.data_sets
    tensors = {}
    for prefix, names, arrays in (("in.", node.input, inputs),
                                  ("out.", node.output, outputs)):
        # An optional tensor that is not given has an empty name.
        given = [prefix + name for name in names if name]
        tensors.update(zip(given, arrays, strict=True))
    save_tensors(folder / f"{case.name}.safetensors", tensors)
    about = {"name": case.name,
             "opset": case.model.opset_import[0].version,
             "attributes": {one.name: helper.get_attribute_value(one)
                            for one in node.attribute}}
    half = any(array.dtype.name == "bfloat16" for array in outputs)
    rtol = max(case.rtol, BF16_RTOL) if half else case.rtol
    (folder / f"{case.name}.json").write_text(
        json.dumps({**about, "rtol": rtol, "atol": case.atol}, indent=1))
    return about


def make(made):
    """Writes every case of the package, the index last."""
    from onnx import helper
    from onnx.backend.test.case.node import collect_testcases
    warnings.simplefilter("ignore")
    made.mkdir(parents=True, exist_ok=True)
    index = [save_case(made, case, helper)
             for case in collect_testcases("Attention")
             # The same numbers for the operator's body in other operators.
             if not case.name.endswith("_expanded")]
    (made / "index.json").write_text(json.dumps(index, indent=1))
    print(f"{len(index)} cases made by PyPI's {PACKAGE} in {made}")


def install_and_make(made):
    """Runs make() in a virtual environment that has the package."""
    venv = made.parent / "venv"
    python = venv / "bin" / "python"
    steps = ([sys.executable, "-m", "venv", "--clear", venv],
             [python, "-m", "pip", "install", "--quiet", "--retries", "1",
              "--disable-pip-version-check", PACKAGE],
             [python, "-B", __file__, "--make", made])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            print("PyPI's package onnx is not to be had:",
                  lines[-1] if lines else step)
            return
    print(done.stdout, end="")


def main():
    folder, made = sys.argv[1:]
    made = pathlib.Path(made)
    if folder == "--make":
        make(made)
        return
    named = os.environ.get("MASKWISE_ONNX_DATA")
    for there in (folder, made):
        if named or (pathlib.Path(there) / "index.json").is_file():
            print(f"the vectors are in {named or there}")
            return
    try:
        install_and_make(made)
    except subprocess.TimeoutExpired as late:
        print("PyPI's package onnx is not to be had:", late)


main()
