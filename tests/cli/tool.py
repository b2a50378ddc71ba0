"""Runs the tool and reads and writes its files, for the tests beside.

Written without the code under test: safetensors is packed and unpacked here.
The path of the tool is the first argument of a test script.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

TOOL = ""

# dtype of the format -> letter of struct, where struct has one
LETTERS = {"BOOL": "?", "U8": "B", "I8": "b", "I32": "i", "I64": "q",
           "F16": "e", "F32": "f", "F64": "d"}


class Tensor:
    """Flat values in row-major order."""

    def __init__(self, shape, values, dtype="F32"):
        self.shape, self.values, self.dtype = list(shape), list(values), dtype

    def at(self, *index):
        flat = 0
        for size, i in zip(self.shape, index):
            flat = flat * size + i
        return self.values[flat]


def size_of(shape):
    total = 1
    for size in shape:
        total *= size
    return total


def bf16_bits(value):
    """Round to nearest even, as the hardware does; no NaN."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def bf16_value(bits):
    return struct.unpack("<f", struct.pack("<I", bits << 16))[0]


def pack(tensor):
    if tensor.dtype == "BF16":
        return struct.pack(f"<{len(tensor.values)}H",
                           *(bf16_bits(value) for value in tensor.values))
    return struct.pack(f"<{len(tensor.values)}{LETTERS[tensor.dtype]}",
                       *tensor.values)


def unpack(dtype, data):
    if dtype == "BF16":
        return [bf16_value(bits) for bits in
                struct.unpack(f"<{len(data) // 2}H", data)]
    size = struct.calcsize(LETTERS[dtype])
    return list(struct.unpack(f"<{len(data) // size}{LETTERS[dtype]}", data))


def with_length(header, data=b""):
    """The bytes of a file with this header text."""
    text = header.encode()
    return struct.pack("<Q", len(text)) + text + data


def file_bytes(tensors):
    entries, data = {}, b""
    for name, tensor in tensors.items():
        packed = pack(tensor)
        entries[name] = {"dtype": tensor.dtype, "shape": tensor.shape,
                         "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    return with_length(json.dumps(entries), data)


def read_tensors(path):
    content = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8:8 + length]), content[8 + length:]
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = Tensor(entry["shape"],
                               unpack(entry["dtype"], data[begin:end]),
                               entry["dtype"])
    return tensors


def written_to(terminal):
    """All that was written to a terminal whose other end is closed; one read
    may give a part of it."""
    text = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            part = b""
        if not part:
            os.close(terminal)
            return text.decode()
        text += part


class ToolTest(unittest.TestCase):
    """Each test has a directory of its own, in which the tool runs."""

    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def write(self, name, tensors):
        (self.dir / name).write_bytes(file_bytes(tensors))

    def read(self, name):
        return read_tensors(self.dir / name)

    def tool(self, *arguments, **keywords):
        return subprocess.run([TOOL, *map(str, arguments)], cwd=self.dir,
                              check=False, timeout=300,
                              stdin=subprocess.DEVNULL,
                              **{"stdout": subprocess.PIPE,
                                 "stderr": subprocess.PIPE, **keywords})

    def run_well(self, *arguments):
        """Standard output of a run that must succeed."""
        result = self.tool(*arguments)
        self.assertEqual((result.returncode, result.stderr.decode()),
                         (0, ""), arguments)
        return result.stdout.decode()

    def run_json(self, *arguments):
        return json.loads(self.run_well(*arguments, "--json"))

    def refuse(self, arguments, fragment, **keywords):
        """The run exits 2 with one line on standard error that holds
        `fragment`, prints nothing and leaves the directory as it was."""
        before = self.snapshot()
        result = self.tool(*arguments, **keywords)
        message = result.stderr.decode()
        self.assertIn(fragment, message, arguments)
        self.assertEqual(message.count("\n"), 1, message)
        self.assertTrue(message.endswith("\n"), message)
        self.assertTrue(message.startswith("maskwise: "), message)
        self.assertTrue(message[:-1].isprintable(), message)
        self.assertFalse(result.stdout, arguments)
        self.assertEqual(result.returncode, 2, message)
        self.assertEqual(self.snapshot(), before, "files changed")

    def snapshot(self):
        return {path.name: path.read_bytes() if path.is_file() else None
                for path in self.dir.iterdir()}


def main():
    global TOOL
    TOOL = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
