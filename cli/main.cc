// maskwise, the command line tool. Exit codes: 0; 1 when a check failed; 2 for
// everything else, with one line on standard error.
#include <CLI/CLI.hpp>
#include <iostream>
#include <new>
#include <string>

#include "commands.h"
#include "maskwise/maskwise.h"

namespace {

constexpr int kBadInput = 2;

constexpr const char* kAbout =
    "Masked multi-head attention where masked means absent: say who may attend "
    "to whom, see it, compute it, prove it.";

// Error texts of libraries may hold line breaks; ours is one line.
int complain(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
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
  maskwise::cli::add_plan(app, exit_code);
  maskwise::cli::add_verify(app, exit_code);
  maskwise::cli::add_compare(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return complain(std::string(error.what()) + " (maskwise --help tells)");
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
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
