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

// What was not known: a flag, or else an argument too many.
std::string unexpected(const CLI::App& command, const std::string& found) {
  if (!found.starts_with('-')) {
    return fmt::format("unexpected argument '{}'", found);
  }
  const std::string name = found.substr(0, found.find('='));
  return fmt::format("unknown flag '{}'{}", name,
                     did_you_mean(name, flags_of(command)));
}

// As the help shows it: "--mask TEXT", or "IN" for what has no flag.
std::string shown(const CLI::Option& option) {
  return option.nonpositional()
             ? option.get_name() + " " + option.get_type_name()
             : option.get_type_name();
}

// Every required option that was not given.
std::string missing(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_required() && option->count() == 0) {
      names.push_back(shown(*option));
    }
  }
  return fmt::format("{} {} missing", fmt::join(names, " and "),
                     names.size() == 1 ? "is" : "are");
}

// CLI11 says "--mask: At Most 1 required but received 2", "--mask: 1 required
// TEXT missing" and "json was given a disallowed flag override".
std::string miscounted(const CLI::App& command, const std::string& what) {
  const std::string name = what.substr(0, what.find_first_of(": "));
  const CLI::Option* option = command.get_option_no_throw(name);
  if (option == nullptr) option = command.get_option_no_throw("--" + name);
  if (option == nullptr) return what;
  if (option->get_items_expected_max() == 0) {
    return fmt::format("{} takes no value", option->get_name());
  }
  if (option->count() > 1) {
    return fmt::format("{} was given {} times; expected once", shown(*option),
                       option->count());
  }
  return fmt::format("{} has no value; expected {}", option->get_name(),
                     shown(*option));
}

std::string problem_of(const CLI::App& command, const CLI::ParseError& error) {
  const std::vector<std::string> left = command.remaining();
  if (!left.empty()) return unexpected(command, left.front());
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return missing(command);
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return miscounted(command, error.what());
  }
  return error.what();
}

}  // namespace

std::string usage_problem(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (!chosen.empty()) {
    const CLI::App& command = *chosen.front();
    return fmt::format("[{}] {}; see maskwise {} --help", command.get_name(),
                       problem_of(command, error), command.get_name());
  }
  const std::vector<std::string> left = app.remaining();
  if (left.empty()) {
    return fmt::format(
        "no command given; expected one of: {}; see maskwise "
        "--help",
        fmt::join(commands_of(app), ", "));
  }
  return left.front().starts_with('-') ? unexpected(app, left.front())
                                       : unknown_command(app, left.front());
}

}  // namespace maskwise::cli
