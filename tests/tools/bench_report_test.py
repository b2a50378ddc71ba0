"""The page of benchmarks is made of what a run found, and of nothing else."""
import json
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACHINE = ("processor\tAn Abacus\ncores\t2, load 0.00 at the start\n"
           "compiler\tcc 1\ncommand\tscripts/bench --quick\n"
           "date\t2026-08-01\ncommit\tabc\n")
LINE = {"case": "dense", "pass": "forward", "dtype": "f32", "B": 1, "H": 4,
        "Hkv": 4, "Lq": 4096, "Lk": 4096, "D": 64, "threads": 1,
        "isa": "avx512", "median_ms": 200.0, "min_ms": 190.0,
        "useful_gflops": 85.9, "probe_gflops": 100.0, "fraction": 0.85,
        "visible_share": 1.0, "walked_share": 1.0, "loop_gflops": None,
        "plan_ms": 0.01, "plan_bytes": 2048, "second_probe_gflops": 99.0,
        "best_fraction": 0.87, "quiet_fraction": 0.86, "quiet_samples": 15,
        "cpu_share": 1.0, "samples": 15, "dense_ratio": None,
        "walked_ratio": None, "kv_bytes": None, "kv_gbytes_per_s": None,
        "read_gbytes_per_s": None, "read_fraction": None,
        "peak_rss_bytes": 1 << 28}
PEER = {"name": "documents8", "B": 1, "H": 4, "Hkv": 4, "Lq": 512, "Lk": 512,
        "D": 64, "threads": 1, "samples": 15, "maskwise_ms": 1.25,
        "torch_ms": 5.0, "torch_ratio": 4.0, "torch_loop_ratio": 1.5,
        "onnxruntime_ratio": 6.0}
LINEAR = {"case": "linear", "pass": "forward", "rows": 256, "features": 512,
          "threads": 1, "isa": "avx512", "median_ms": 1.25, "min_ms": 1.2,
          "useful_gflops": 107.4, "probe_gflops": 130.0,
          "second_probe_gflops": 129.0, "fraction": 0.8, "best_fraction": 0.9,
          "quiet_fraction": 0.81, "quiet_samples": 12, "cpu_share": 1.0,
          "samples": 15}
ENCODER = {**LINEAR, "case": "encoder_layer", "rows": 1150, "median_ms": 70.04}
LAYER_PEER = {"name": "encoder_layer", "pass": "forward", "threads": 2,
              "samples": 15, "maskwise_ms": 40.0, "maskwise_padded_ms": 72.0,
              "torch_ms": 88.0, "torch_nested_ms": 50.0, "torch_ratio": 2.2,
              "torch_nested_ratio": 1.25, "maskwise_padded_ratio": 1.8}


class BenchReport(unittest.TestCase):
    """On lines as maskwise bench --json writes them."""

    @staticmethod
    def keep(place, lines, peers=()):
        """What scripts/bench leaves of a pass."""
        place.mkdir()
        for machine in ("machine", "peers"):
            (place / f"{machine}.tsv").write_text(MACHINE)
        for name, found in (("results", lines), ("peers", peers)):
            (place / f"{name}.jsonl").write_text(
                "".join(json.dumps(line) + "\n" for line in found))

    def report(self, *lines, peers=(), direction="forward", layers=None,
               before=None):
        with tempfile.TemporaryDirectory() as folder:
            self.keep(pathlib.Path(folder) / direction, lines, peers)
            if layers is not None:
                self.keep(pathlib.Path(folder) / "layers", layers)
            command = [ROOT / "tools/bench_report", folder]
            if before is not None:
                command.append(pathlib.Path(folder) / "page.md")
                command[-1].write_text(before)
            return subprocess.run(command, capture_output=True, text=True,
                                  check=False)

    def page(self, *lines, **keywords):
        result = self.report(*lines, **keywords)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_says_where_the_numbers_come_from(self):
        page = self.page(LINE)
        for words in ("An Abacus", "cc 1", "`scripts/bench --quick`",
                      "2026-08-01"):
            self.assertIn(words, page)

    def test_holds_figures_against_the_bars(self):
        causal = {**LINE, "case": "causal", "median_ms": 110.0,
                  "dense_ratio": 0.55, "walked_ratio": 1.083,
                  "walked_share": 0.508}
        page = self.page(LINE, {**LINE, "threads": 2, "quiet_fraction": 0.7},
                         causal)
        for row in (
                "| dense, D = 64, 1 thread, by length | 86 % | 80 % | yes |",
                "| dense, D = 64, 2 threads, by length | 70 % | 75 % | no |",
                "| causal ÷ dense at 4096, D = 64, 128 | 0.55 | 0.54 | no |",
                "| causal | 110 ms · 86 % · 0.550 |"):
            self.assertIn(row + "\n", page)
        self.assertRegex(page, r"worst of 1 .*: causal, 4096, D = 64 \| 1\.08")

    def test_a_backward_run_has_bars_of_its_own(self):
        dense = {**LINE, "pass": "backward", "quiet_fraction": 0.76}
        window = {**dense, "case": "window256", "dense_ratio": 0.15,
                  "walked_share": 0.14, "walked_ratio": 1.07}
        page = self.page(dense, window, direction="backward")
        self.assertNotIn("The forward pass", page)
        for row in (
                "| dense, D = 64, 1 thread, by length | 76 % | 75 % | yes |",
                "| window256 ÷ dense at 4096, D = 64, 128 | 15 % | 14 % "
                "| no |"):
            self.assertIn(row + "\n", page)

    def test_decode_is_held_against_reading(self):
        decode = {**LINE, "case": "decode", "Lq": 1, "kv_bytes": 1 << 24,
                  "fraction": 0.125, "kv_gbytes_per_s": 19.0,
                  "read_gbytes_per_s": 20.0, "read_fraction": 0.95}
        self.assertIn("| decode, K and V of 16.0 MiB, 1 thread: 19.0 of 20.0 "
                      "GB/s, 12 % of the FMA probe | 95 % | 90 % | yes |\n",
                      self.page(LINE, decode))

    def test_without_a_quiet_sample_there_is_no_share(self):
        page = self.page({**LINE, "quiet_fraction": None, "quiet_samples": 0})
        self.assertIn("by length | – | 80 % | no quiet sample |\n", page)

    def test_the_memory_of_a_long_call(self):
        self.assertIn("256.0 MiB at its peak, 128.0 MiB of it q, k, v and o",
                      self.page(LINE, {**LINE, "case": "causal", "Lq": 32768,
                                       "Lk": 32768, "samples": 1}))

    def test_peers_stand_there_only_if_they_ran(self):
        self.assertNotIn("## Peers", self.page(LINE))
        self.assertIn("## Peers of the forward pass\n\n`scripts/bench --quick`",
                      self.page(LINE, peers=[PEER]))
        self.assertIn("| documents8 | 512 | 64 | 1 | 1.25 | 4.00 | 1.50 | 6.00 "
                      "|  |\n", self.page(LINE, peers=[PEER]))

    def test_linear_layers_stand_in_a_table(self):
        back = {**LINEAR, "pass": "backward", "quiet_fraction": 0.74}
        two = {**LINEAR, "threads": 2, "quiet_fraction": 0.751}
        unquiet = {**LINEAR, "features": 128, "quiet_fraction": None}
        page = self.page(two, {**two, "pass": "backward"}, LINEAR, back, unquiet,
                         direction="layers")
        self.assertIn(
            "| rows | features | threads | forward | backward | must | met |\n"
            "| --- | --- | --- | --- | --- | --- | --- |\n"
            "| 256 | 128 | 1 | – | – | 75 % | no quiet sample |\n"
            "| 256 | 512 | 1 | 81 % | 74 % | 75 % | no |\n"
            "| 256 | 512 | 2 | 75 % | 75 % | 75 % | yes |\n", page)
        for words in ("## Layers", "An Abacus", "abc", "avx512"):
            self.assertIn(words, page)
        self.assertNotIn("Peers", page)

    def test_the_encoder_layer_stands_beside_its_peers(self):
        padded = {**ENCODER, "case": "encoder_layer_padded",
                  "quiet_fraction": None}
        back = {**ENCODER, "pass": "backward", "median_ms": 215.6}
        trained = {key: value for key, value in LAYER_PEER.items()
                   if not key.startswith("torch_nested")}
        page = self.page(LINEAR, ENCODER, padded, back,
                         peers=[LAYER_PEER, {**trained, "pass": "backward"}],
                         direction="layers")
        for row in ("| encoder_layer | 1 | 70 ms · 81 % | 216 ms · 81 % |",
                    "| encoder_layer_padded | 1 | 70 ms · – |  |",
                    "| forward | 2 | 40 | 2.20 | 1.25 | 1.80 |",
                    "| forward and backward | 2 | 40 | 2.20 |  | 1.80 |"):
            self.assertIn(row + "\n", page)

    def test_passes_that_ran_apart_stand_on_one_page(self):
        page = self.page(LINE, layers=[LINEAR, ENCODER])
        self.assertLess(page.index("## The forward pass"),
                        page.index("## Layers"))
        self.assertNotIn("The backward pass", page)
        # What is there of one pass is what it is alone.
        alone = self.page(LINEAR, ENCODER, direction="layers")
        section = alone[alone.index("## Layers"):]
        self.assertTrue(page.endswith(section), page)
        before = self.page(LINE)
        self.assertEqual(page, before + section)

    def test_what_was_not_measured_stands_as_before(self):
        before = self.page(LINE, peers=[PEER], layers=[LINEAR, ENCODER])
        faster = {**LINE, "quiet_fraction": 0.99}
        page = self.page(faster, before=before)
        self.assertEqual(page, before.replace("86 %", "99 %"))
        self.assertIn("99 %", page)
        # Peers that ran are not those of before.
        anew = self.page(faster, peers=[{**PEER, "torch_ratio": 7.25}],
                         before=before)
        self.assertIn("| 7.25 |", anew)
        self.assertNotIn("| 4.00 |", anew)

    def test_nothing_measured_is_an_error(self):
        result = self.report()
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("has no results of a pass", result.stderr)


if __name__ == "__main__":
    unittest.main()
