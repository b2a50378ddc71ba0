// Output files of commands: never the input, and written only by a command
// that succeeds.
#ifndef MASKWISE_CLI_OUTPUTS_H_
#define MASKWISE_CLI_OUTPUTS_H_

#include <functional>
#include <string>

namespace maskwise::cli {

// Throws Error when `output` is the file `input`, under whatever name.
void require_other_file(const std::string& output, const std::string& input);

// Calls save(), which writes the file `path`, and prints `report`. When that
// cannot be printed, `path` is again what it was before, and the Error of
// print() is passed on.
void save_and_print(const std::string& path, const std::function<void()>& save,
                    const std::string& report);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_OUTPUTS_H_
