"""examples/torch_parity gives the numbers of PyTorch's modules."""
import math

import tool
from tool import Tensor


def cosine(*shape):
    return Tensor(shape, [math.cos(i) for i in range(tool.size_of(shape))])


# Of an encoder layer with d_model 4 and ffn 16, named as PyTorch names them.
PARAMETERS = {
    "self_attn.in_proj_weight": cosine(12, 4),
    "self_attn.in_proj_bias": cosine(12),
    "self_attn.out_proj.weight": cosine(4, 4),
    "self_attn.out_proj.bias": cosine(4),
    "linear1.weight": cosine(16, 4), "linear1.bias": cosine(16),
    "linear2.weight": cosine(4, 16), "linear2.bias": cosine(4),
    "norm1.weight": cosine(4), "norm1.bias": cosine(4),
    "norm2.weight": cosine(4), "norm2.bias": cosine(4),
}


class TorchParity(tool.ToolTest):
    """Figures are those of PyTorch's nn.TransformerEncoderLayer."""

    def outputs(self, tensors, *flags):
        self.write("in.safetensors", tensors)
        self.run_well("in.safetensors", "-o", "out.safetensors", *flags)
        return self.read("out.safetensors")["y"]

    def expect(self, found, *expected):
        self.assertEqual(len(found.values), len(expected))
        for one, wanted in zip(found.values, expected):
            self.assertAlmostEqual(one, wanted, delta=1e-5)

    def test_an_encoder_layer(self):
        one = {"x": Tensor([1, 1, 4], [20, 30, 40, 50])}
        self.expect(self.outputs(one), 2.258703, 0.127985, -0.697881, 0.170862)
        self.expect(self.outputs(one, "--activation", "gelu"),
                    2.249815, 0.131006, -0.702199, 0.177868)

    def test_a_masked_key(self):
        two = {"x": Tensor([1, 2, 4], range(1, 9)),
               "key_padding_mask": Tensor([1, 2], [True, False], "BOOL")}
        self.expect(self.outputs(two),
                    *2 * [2.301516, 0.092249, -0.679101, 0.103088])

    def test_parameters_from_a_file(self):
        self.write("parameters.safetensors", PARAMETERS)
        one = {"x": Tensor([1, 1, 4], [20, 30, 40, 50])}
        given = self.outputs(one, "--parameters", "parameters.safetensors")
        self.assertEqual(given.values, self.outputs(one).values)

    def test_a_stack_is_layer_after_layer(self):
        x = {"x": Tensor([1, 3, 4], [math.sin(i) for i in range(12)])}
        for flags in ([], ["--norm", "pre", "--causal"]):
            once = self.outputs(x, *flags)
            twice = self.outputs({"x": once}, *flags)
            stack = self.outputs(x, "--layers", 2, *flags)
            self.assertEqual(stack.values, twice.values)

    def test_a_decoder_layer_reads_its_memory(self):
        tensors = {"x": Tensor([1, 2, 4], range(8)),
                   "memory": Tensor([1, 2, 4], [1, 2, 3, 4, 9, 8, 7, 9])}
        seen = self.outputs(tensors, "--kind", "decoder", "--causal")
        tensors["memory"].values[4:] = [5, 6, 7, 9]
        other = self.outputs(tensors, "--kind", "decoder", "--causal")
        self.assertNotEqual(seen.values, other.values)
        masked = {**tensors, "memory_key_padding_mask":
                  Tensor([1, 2], [False, True], "BOOL")}
        first = self.outputs(masked, "--kind", "decoder", "--causal")
        tensors["memory"].values[4:] = [math.nan] * 4
        self.assertEqual(self.outputs(masked, "--kind", "decoder",
                                      "--causal").values, first.values)

    def test_names_of_pytorch_mean_the_same(self):
        x = Tensor([1, 2, 4], range(1, 9))
        mask = Tensor([1, 2], [True, False], "BOOL")
        ours = self.outputs({"x": x, "key_padding_mask": mask})
        theirs = self.outputs({"src": x, "src_key_padding_mask": mask})
        self.assertEqual(theirs.values, ours.values)

    def test_a_stack_may_end_in_a_norm(self):
        norm = {"norm.weight": Tensor([4], [2, 2, 2, 2]),
                "norm.bias": Tensor([4], [1, 1, 1, 1])}
        layer = {f"layers.0.{name}": value
                 for name, value in PARAMETERS.items()}
        self.write("parameters.safetensors", {**layer, **norm})
        one = {"x": Tensor([1, 1, 4], [20, 30, 40, 50])}
        found = self.outputs(one, "--parameters", "parameters.safetensors")
        y = self.outputs(one).values
        mean = sum(y) / 4
        scale = (sum((v - mean) ** 2 for v in y) / 4 + 1e-5) ** -0.5
        self.expect(found, *[2 * (v - mean) * scale + 1 for v in y])

    def refuses(self, tensors, fragment, *flags):
        self.write("in.safetensors", tensors)
        result = self.tool("in.safetensors", "-o", "out.safetensors", *flags)
        self.assertEqual(result.returncode, 2)
        self.assertIn(fragment, result.stderr.decode())
        self.assertEqual(result.stderr.decode().count("\n"), 1)
        self.assertFalse((self.dir / "out.safetensors").exists())

    def test_what_does_not_fit_is_named(self):
        x = Tensor([1, 1, 4], range(4))
        self.refuses({"y": x}, "has a tensor y; expected only: ")
        self.refuses({}, "has no tensor x")
        self.refuses({"x": Tensor([1, 4], range(4))}, "x of shape [1, 4]")
        self.refuses({"x": x, "src": x}, "x by two names")
        self.refuses({"x": x, "memory": x}, "has a tensor memory")
        self.refuses({"x": x, "padding": x}, "has a tensor padding")
        self.refuses({"x": x}, "--norm", "--norm", "mid")
        self.refuses({"x": x}, "--bogus", "--bogus")


tool.main()
