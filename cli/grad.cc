// maskwise grad: the gradients of masked attention, from file to file.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "commands.h"
#include "flags.h"
#include "inputs.h"
#include "outputs.h"
#include "report.h"

namespace maskwise::cli {
namespace {

struct GradFlags {
  std::string input;
  std::string mask;
  std::string output;
  CallFlags call;
};

// What is written: o and lse, and the gradients of all that came in.
TensorMap forward_and_backward(const AttentionFile& file,
                               const IncomingGradients& incoming,
                               const MaskPlan& plan,
                               const AttentionOptions& options) {
  return file.call(
      [&](const TensorView& q, const TensorView& k, const TensorView& v,
          const MaskPlan& mask, const AttentionOptions& call) {
        const AttentionResult forward = attention(q, k, v, mask, call);
        const bool has_bias = call.bias.defined();
        AttentionGradients gradients =
            attention_backward(q, k, v, mask, forward, incoming.d_o, call,
                               {.d_lse = incoming.d_lse, .dbias = has_bias});
        TensorMap outputs = {{"o", forward.o},
                             {"lse", forward.lse},
                             {"dq", gradients.dq},
                             {"dk", gradients.dk},
                             {"dv", gradients.dv}};
        if (has_bias) outputs["dbias"] = gradients.dbias;
        return outputs;
      },
      plan, options);
}

std::string shape_and_type(const Tensor& tensor) {
  return fmt::format("{} {}", to_string(tensor.shape()),
                     name_of(tensor.dtype()));
}

std::string text_of(const std::string& path, const TensorMap& outputs,
                    double visible_share) {
  std::string text =
      fmt::format("{}: o {}, lse {}", path, shape_and_type(outputs.at("o")),
                  to_string(outputs.at("lse").shape()));
  for (const char* name : {"dq", "dk", "dv", "dbias"}) {
    const auto found = outputs.find(name);
    if (found == outputs.end()) continue;
    text += fmt::format(", {} {}", name, shape_and_type(found->second));
  }
  return text + fmt::format("; {} of the pairs are visible\n",
                            human_share(visible_share));
}

void grad(const GradFlags& flags) {
  require_other_file(flags.output, flags.input);
  const AttentionOptions options = flags.call.options();
  const AttentionFile file = load_gradient_file(flags.input);
  const IncomingGradients incoming = file.gradients();
  const MaskPlan plan = file.plan(flags.mask, flags.call.memory_cap);
  const TensorMap outputs = forward_and_backward(file, incoming, plan, options);
  save_and_print(
      flags.output, [&] { save_safetensors(flags.output, outputs); },
      text_of(flags.output, outputs, plan.stats().visible_share));
  print_warnings(warnings(plan.mask()));
}

}  // namespace

void add_grad(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<GradFlags>();
  CLI::App* command = add_command(
      app, "grad",
      "Masked attention and its gradients from a safetensors file to another",
      "maskwise grad in.safetensors --mask 'causal & padding(token_ids)' -o "
      "out.safetensors\n"
      "IN holds the gradient of the loss with respect to o, too: do "
      "[B,H,Lq,Dv] (f32, f16 or bf16), and, if the loss reads lse, d_lse "
      "[B,H,Lq] (f32). OUT gets o, lse, dq, dk and dv, and dbias if there is "
      "a bias, each of the type of what it is the gradient of.");
  add_input(*command, flags->input)->required();
  add_mask_flag(*command, flags->mask);
  command
      ->add_option("-o,--output", flags->output,
                   "Where o, lse and the gradients go")
      ->type_name("OUT")
      ->required();
  add_call_flags(*command, flags->call);
  command->callback([flags] { grad(*flags); });
}

}  // namespace maskwise::cli
