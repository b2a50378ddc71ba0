"""maskwise devices, and how an instruction set is forced."""
import os

from reference import random_tensor
import tool


class Devices(tool.ToolTest):
    """What there is, and what is chosen."""

    def setUp(self):
        super().setUp()
        self.forced = os.environ.pop("MASKWISE_ISA", None)

    def tearDown(self):
        os.environ.pop("MASKWISE_ISA", None)
        if self.forced is not None:
            os.environ["MASKWISE_ISA"] = self.forced
        super().tearDown()

    def test_json(self):
        report = self.run_json("devices")
        self.assertEqual([one["name"] for one in report["backends"]],
                         ["cpu", "reference"])
        self.assertEqual([one["name"] for one in report["isas"]],
                         ["scalar", "avx2", "avx512"])
        self.assertTrue(report["isas"][0]["available"])
        available = [one["name"] for one in report["isas"] if one["available"]]
        self.assertEqual(report["chosen_isa"], available[-1])

    def test_text_says_what_is_chosen(self):
        os.environ["MASKWISE_ISA"] = "scalar"
        text = self.run_well("devices")
        self.assertRegex(text, r"scalar +any processor +chosen")

    def test_the_environment_forces_an_instruction_set(self):
        os.environ["MASKWISE_ISA"] = "scalar"
        self.assertEqual(self.run_json("devices")["chosen_isa"], "scalar")

    def test_an_unknown_forced_name_is_an_error_of_every_call(self):
        self.write("in.st", {"q": random_tensor([1, 1, 4, 4], 1),
                             "k": random_tensor([1, 1, 4, 4], 2),
                             "v": random_tensor([1, 1, 4, 4], 3)})
        os.environ["MASKWISE_ISA"] = "avx521"
        for command in (["devices"], ["attend", "in.st", "--mask", "causal", "-o",
                                      "out.st"]):
            self.refuse(command, "unknown MASKWISE_ISA 'avx521'; expected one "
                                 "of: scalar, avx2, avx512")
        self.run_well("attend", "in.st", "--mask", "causal", "-o", "out.st",
                      "--isa", "scalar")

    def test_an_instruction_set_that_the_processor_lacks_is_an_error(self):
        lacking = [one["name"] for one in self.run_json("devices")["isas"]
                   if not one["available"]]
        if not lacking:
            self.skipTest("this processor has every instruction set")
        os.environ["MASKWISE_ISA"] = lacking[0]
        self.refuse(["devices"],
                    "which this processor lacks; expected one of: scalar")


if __name__ == "__main__":
    tool.main()
