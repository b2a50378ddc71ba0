// maskwise, the command line tool. Exit codes: 0; 1 when a check failed; 2 for
// everything else, with one line on standard error.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <new>
#include <sstream>
#include <string>

#include "commands.h"
#include "maskwise/maskwise.h"
#include "report.h"
#include "usage.h"

namespace {

constexpr int kBadInput = 2;

constexpr const char* kAbout =
    "Masked multi-head attention where masked means absent: say who may attend "
    "to whom, see it, compute it, prove it.";

// Error texts of libraries and what they quote may hold line breaks and other
// control characters; ours is one line.
int complain(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 0x7F) c = ' ';
  }
  std::cerr << "maskwise: " << text << '\n';
  return kBadInput;
}

int run(int argc, char** argv) {
  CLI::App app(kAbout, "maskwise");
  app.set_version_flag("--version", MASKWISE_VERSION);
  app.require_subcommand(1);
  app.footer("Example:\n  maskwise explain --mask causal --shape 1,1,6,6");
  int exit_code = 0;
  maskwise::cli::add_explain(app, exit_code);
  maskwise::cli::add_attend(app, exit_code);
  maskwise::cli::add_grad(app, exit_code);
  maskwise::cli::add_plan(app, exit_code);
  maskwise::cli::add_verify(app, exit_code);
  maskwise::cli::add_compare(app, exit_code);
  maskwise::cli::add_train(app, exit_code);
  maskwise::cli::add_predict(app, exit_code);
  maskwise::cli::add_evaluate(app, exit_code);
  maskwise::cli::add_show(app, exit_code);
  maskwise::cli::add_verify_model(app, exit_code);
  maskwise::cli::add_bench(app, exit_code);
  maskwise::cli::add_bench_layers(app, exit_code);
  maskwise::cli::add_devices(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    std::ostringstream text;
    app.exit(success, text);
    maskwise::cli::print(text.str());
  } catch (const CLI::ParseError& error) {
    return complain(maskwise::cli::usage_problem(app, error));
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  // A file that grows beyond `ulimit -f` is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const maskwise::Error& error) {
    return complain(error.what());
  } catch (const std::bad_alloc&) {
    return complain("[memory] there is not enough memory for this input");
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}
