// The commands of the tool. Each adds itself to the parser; when it is chosen
// it runs and leaves its exit code: 0, or 1 when a check failed. Bad input is
// an exception, which main() turns into one line and exit code 2.
#ifndef MASKWISE_CLI_COMMANDS_H_
#define MASKWISE_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>

namespace maskwise::cli {

// The exit code where a check failed; see main.cc.
inline constexpr int kCheckFailed = 1;

void add_attend(CLI::App& app, int& exit_code);
void add_grad(CLI::App& app, int& exit_code);
void add_plan(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_verify(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_train(CLI::App& app, int& exit_code);
void add_predict(CLI::App& app, int& exit_code);
void add_evaluate(CLI::App& app, int& exit_code);
void add_show(CLI::App& app, int& exit_code);
void add_verify_model(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_bench_layers(CLI::App& app, int& exit_code);
void add_devices(CLI::App& app, int& exit_code);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_COMMANDS_H_
