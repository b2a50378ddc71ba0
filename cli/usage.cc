#include "usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "suggest.h"

namespace maskwise::cli {
namespace {

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command :
       app.get_subcommands([](auto*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
    for (const std::string& name : option->get_snames()) {
      names.push_back("-" + name);
    }
  }
  return names;
}

std::string unknown_command(const CLI::App& app, const std::string& found) {
  const std::vector<std::string> known = commands_of(app);
  return fmt::format("unknown command '{}'; expected one of: {}{}", found,
                     fmt::join(known, ", "), did_you_mean(found, known));
}

// What the command did not know: a flag, or else an argument too many.
std::string unexpected(const CLI::App& command, const std::string& found) {
  const std::string help = fmt::format(
      "; maskwise {} --help lists what it takes", command.get_name());
  if (!found.starts_with('-')) {
    return fmt::format("{}: unexpected argument '{}'{}", command.get_name(),
                       found, help);
  }
  const std::string name = found.substr(0, found.find('='));
  const std::string nearest = did_you_mean(name, flags_of(command));
  return fmt::format("{}: unknown flag '{}'{}", command.get_name(), name,
                     nearest.empty() ? help : nearest);
}

}  // namespace

std::string usage_problem(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) {
    const std::vector<std::string> left = app.remaining();
    if (left.empty()) {
      return fmt::format(
          "no command given; expected one of: {} (maskwise "
          "--help tells what they do)",
          fmt::join(commands_of(app), ", "));
    }
    return left.front().starts_with('-') ? unexpected(app, left.front())
                                         : unknown_command(app, left.front());
  }
  const CLI::App& command = *chosen.front();
  const std::vector<std::string> left = command.remaining();
  if (!left.empty()) return unexpected(command, left.front());
  return fmt::format("{}: {}", command.get_name(), error.what());
}

}  // namespace maskwise::cli
