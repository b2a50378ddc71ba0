// What is wrong with a command line, in one line.
#ifndef MASKWISE_CLI_USAGE_H_
#define MASKWISE_CLI_USAGE_H_

#include <CLI/CLI.hpp>
#include <string>

namespace maskwise::cli {

// The message for a command line that `app` refused with `error`: an unknown
// command or flag with the nearest known one, a missing one, a bad value.
std::string usage_problem(const CLI::App& app, const CLI::ParseError& error);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_USAGE_H_
