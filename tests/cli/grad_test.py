"""maskwise grad, end to end, against float64 from the formula."""
import itertools
import math

import tool
from reference import Reference, random_tensor
from tool import Tensor

# For values of about 1 and sums of a few dozen terms f32 keeps five digits.
PLACES = 4


def inputs(dtype="F32"):
    """Two items, four heads on two kv heads; the second item is padded."""
    return {"q": random_tensor([2, 4, 5, 6], 1, dtype=dtype),
            "k": random_tensor([2, 2, 5, 6], 2, dtype=dtype),
            "v": random_tensor([2, 2, 5, 3], 3, dtype=dtype),
            "do": random_tensor([2, 4, 5, 3], 4, dtype=dtype),
            "token_ids": Tensor([2, 5], [7, 8, 9, 4, 2, 0, 0, 6, 5, 0], "I64")}


def causal_and_padding(tensors):
    return lambda b, h, q, k: k <= q and tensors["token_ids"].at(b, k) != 0


def causal(b, h, q, k):
    return k <= q


class Grad(tool.ToolTest):
    """Each test writes in.st, runs the tool and reads out.st."""

    def grad(self, tensors, mask, *flags, warned=False):
        self.write("in.st", tensors)
        result = self.tool("grad", "in.st", "--mask", mask, "-o", "out.st",
                           *flags)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr != b"", warned, result.stderr)
        return self.read("out.st")

    def expect_gradients(self, found, reference, d_lse=None, delta=None):
        """Every element; those that the reference does not have are 0."""
        tensors = reference.tensors
        limit = {"delta": delta} if delta else {"places": PLACES}
        expected = reference.gradients(tensors["do"], d_lse)
        names = {"dq": "q", "dk": "k", "dv": "v"}
        if "bias" in tensors:
            names["dbias"] = "bias"
        self.assertEqual(set(found), {"o", "lse", *names})
        for gradient, of in names.items():
            self.assertEqual(found[gradient].shape, tensors[of].shape)
            axes = [range(size) for size in tensors[of].shape]
            for index in itertools.product(*axes):
                self.assertAlmostEqual(found[gradient].at(*index),
                                       expected[gradient].get(index, 0),
                                       msg=(gradient, index), **limit)

    def test_grouped_heads_with_a_causal_padding_mask(self):
        tensors = inputs()
        found = self.grad(tensors, "causal & padding(token_ids)", warned=True)
        self.expect_gradients(found, Reference(tensors,
                                               causal_and_padding(tensors)))
        for name in ("o", "lse", "dq", "dk", "dv"):
            self.assertEqual(found[name].dtype, "F32")
        # The first two queries of the second item see padding only, and no
        # query sees its last key.
        self.assertEqual(found["lse"].at(1, 2, 1), -math.inf)
        for d in range(6):
            self.assertEqual(found["dq"].at(1, 2, 1, d), 0)
            self.assertEqual(found["dk"].at(1, 0, 4, d), 0)

    def test_o_and_lse_are_those_of_attend(self):
        tensors = inputs()
        found = self.grad(tensors, "causal")
        self.run_well("attend", "in.st", "--mask", "causal", "-o", "o.st")
        attended = self.read("o.st")
        for name in ("o", "lse"):
            self.assertEqual(found[name].values, attended[name].values)

    def test_the_gradient_of_lse_comes_in_as_well(self):
        tensors = inputs()
        tensors["d_lse"] = random_tensor([2, 4, 5], 5)
        found = self.grad(tensors, "causal")
        self.expect_gradients(found, Reference(tensors, causal),
                              tensors["d_lse"])

    def test_scale_softcap_bias_and_alibi(self):
        tensors = inputs()
        tensors["bias"] = random_tensor([2, 4, 5, 5], 6)
        tensors["alibi_slopes"] = Tensor([4], [0.5, 0.25, 0.125, 0.0625])
        found = self.grad(tensors, "sliding_window(left=2, right=1)",
                          "--scale", "0.9", "--softcap", "1.5")
        self.expect_gradients(found, Reference(
            tensors, lambda b, h, q, k: q - 2 <= k <= q + 1, 0.9, 1.5))

    def test_the_gradient_of_a_bias_is_summed_where_it_is_broadcast(self):
        for shape in ([5, 5], [4, 1, 5], [2, 1, 5, 1], [1, 4, 1, 1], [5]):
            tensors = inputs()
            tensors["bias"] = random_tensor(shape, 7)
            found = self.grad(tensors, "causal")
            with self.subTest(shape=shape):
                self.expect_gradients(found, Reference(tensors, causal))

    def test_a_bias_of_minus_infinity_removes_its_pair(self):
        tensors = inputs()
        tensors["bias"] = Tensor([5, 5], [-math.inf if q == 3 or k == 1 else 0
                                          for q in range(5)
                                          for k in range(5)])
        found = self.grad(tensors, "all", warned=True)
        self.expect_gradients(found, Reference(tensors, lambda *pair: True))
        self.assertEqual([found["dbias"].at(3, k) for k in range(5)], [0] * 5)

    def test_rows_without_keys_give_zeros(self):
        tensors = inputs()
        found = self.grad(tensors, "none", warned=True)
        for name in ("dq", "dk", "dv"):
            self.assertEqual(set(found[name].values), {0})
        tensors.update(k=Tensor([2, 2, 0, 6], []), v=Tensor([2, 2, 0, 3], []))
        found = self.grad(tensors, "all", warned=True)
        self.assertEqual(found["dk"].shape, [2, 2, 0, 6])
        self.assertEqual(found["dq"].values, [0] * (2 * 4 * 5 * 6))

    def test_each_gradient_has_the_type_of_what_it_is_of(self):
        # Half a step of the last place of values below 4; o is rounded before
        # it is read again, and so moves a gradient by as much.
        for dtype, tolerance in (("F16", 2 ** -8), ("BF16", 2 ** -5)):
            tensors = inputs(dtype)
            tensors["bias"] = random_tensor([5, 5], 8, dtype=dtype)
            found = self.grad(tensors, "causal")
            for name in ("o", "dq", "dk", "dv", "dbias"):
                self.assertEqual(found[name].dtype, dtype)
            self.assertEqual(found["lse"].dtype, "F32")
            rounded = {name: Tensor(tensor.shape,
                                    tool.unpack(dtype, tool.pack(tensor)))
                       for name, tensor in tensors.items()
                       if name != "token_ids"}
            self.expect_gradients(found, Reference(rounded, causal),
                                  delta=tolerance)

    def test_types_may_differ(self):
        tensors = inputs()
        tensors["k"] = random_tensor([2, 2, 5, 6], 2, dtype="BF16")
        tensors["do"] = random_tensor([2, 4, 5, 3], 4, dtype="F16")
        tensors["bias"] = random_tensor([5], 9, dtype="F16")
        found = self.grad(tensors, "causal")
        self.assertEqual([found[name].dtype for name in
                          ("dq", "dk", "dv", "dbias")],
                         ["F32", "BF16", "F32", "F16"])

    def test_threads_backends_and_isas_write_the_same_bytes(self):
        self.write("in.st", {"q": random_tensor([2, 4, 40, 16], 1),
                             "k": random_tensor([2, 2, 40, 16], 2),
                             "v": random_tensor([2, 2, 40, 16], 3),
                             "do": random_tensor([2, 4, 40, 16], 4),
                             "bias": random_tensor([4, 40, 40], 5)})
        written = set()
        isas = [["--isa", one["name"]] for one in self.run_json("devices")["isas"]
                if one["available"]]
        for flags in ([], ["--threads", "1"], ["--threads", "3"],
                      ["--backend", "reference"], *isas):
            self.run_well("grad", "in.st", "--mask", "causal", "-o", "out.st",
                          *flags)
            written.add((self.dir / "out.st").read_bytes())
        self.assertEqual(len(written), 1)

    def test_masked_contents_change_no_byte(self):
        tensors = inputs()
        tensors["bias"] = random_tensor([5, 5], 6)
        tensors["d_lse"] = random_tensor([2, 4, 5], 7)
        mask = "causal & padding(token_ids)"
        self.grad(tensors, mask, warned=True)
        clean = (self.dir / "out.st").read_bytes()
        for poison in (math.nan, math.inf, -math.inf, 1e30, 1e-45):
            # Key 0 of the second item is padding, and its query 0 sees
            # nothing; the bias above the diagonal is of masked pairs.
            for name, heads, width in (("k", 2, 6), ("v", 2, 3), ("q", 4, 6),
                                       ("do", 4, 3), ("d_lse", 4, 1)):
                values = tensors[name].values
                for h, d in itertools.product(range(heads), range(width)):
                    values[(heads + h) * 5 * width + d] = poison
            for q, k in itertools.combinations(range(5), 2):
                tensors["bias"].values[5 * q + k] = poison
            self.grad(tensors, mask, warned=True)
            self.assertEqual((self.dir / "out.st").read_bytes(), clean)

    def test_a_mask_may_name_the_gradients(self):
        tensors = inputs()
        tensors["do"] = Tensor([2, 1, 5, 5], [k <= q for _ in range(2)
                                              for q in range(5)
                                              for k in range(5)], "BOOL")
        self.write("in.st", tensors)
        for command in (["attend", "-o", "out.st"], ["verify"], ["compare"]):
            self.run_well(*command, "in.st", "--mask", "allow(do)")
        self.refuse(["grad", "in.st", "--mask", "allow(do)", "-o", "g.st"],
                    "expected do [B, H, Lq, Dv] = [2, 4, 5, 3], got "
                    "[2, 1, 5, 5] (the input is 'in.st')")
        # Square, so that it fits as both.
        tensors = {name: random_tensor([1, 1, 3, 3], seed)
                   for seed, name in enumerate(["q", "k", "v", "do"])}
        tensors["do"].values = [0, -math.inf, 0, 0, 0, 0, 0, 0, -math.inf]
        found = self.grad(tensors, "from_additive(do)")
        self.assertEqual(found["lse"].shape, [1, 1, 3])

    def test_the_report(self):
        tensors = inputs("BF16")
        tensors["bias"] = random_tensor([5], 6)
        self.write("in.st", tensors)
        (self.dir / "out.st").write_bytes(b"old")
        text = self.run_well("grad", "in.st", "--mask", "causal", "-o",
                             "out.st")
        self.assertEqual(text, "out.st: o [2, 4, 5, 3] bf16, lse [2, 4, 5], "
                               "dq [2, 4, 5, 6] bf16, dk [2, 2, 5, 6] bf16, "
                               "dv [2, 2, 5, 3] bf16, dbias [5] f32; 60 % of "
                               "the pairs are visible\n")
        self.assertEqual(set(self.snapshot()), {"in.st", "out.st"})


if __name__ == "__main__":
    tool.main()
