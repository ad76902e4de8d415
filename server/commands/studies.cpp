#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/commands/commands.h"
#include "server/error.h"
#include "server/posix_file.h"
#include "server/studies_client.h"
#include "server/studies_table.h"

namespace metserve::server {
namespace {

using Json = nlohmann::ordered_json;

struct StudiesArguments {
  std::string config = "/etc/metserve/metserve.yaml";
  std::string key, state, destination;
  std::vector<std::string> series;  ///< UID=SLOT
  int limit = 100;
  bool attention = false, json = false;
};

Error not_metserve(unsigned status) {
  return {Error::Kind::io,
          "HTTP status " + std::to_string(status) + "; is it metserve that listens on http.port?"};
}

/// The answer's body; an error answer becomes the error that it was.
std::string body_of(const StudiesArguments& arguments, const std::string& method, const std::string& target) {
  hide_new_files_from_others();
  const Config config = load_config(arguments.config);
  const HttpResponse answer = ask_about_studies(config, {method, target});
  if (answer.status == 200) return answer.body;
  const Json json = Json::parse(answer.body, nullptr, false);
  const bool ours = json.is_object() && json.contains("error") && json["error"].is_string();
  if (!ours) throw not_metserve(answer.status);
  throw Error(answer.status == 400 ? Error::Kind::bad_call : Error::Kind::io,
              json["error"].get<std::string>());
}

/// What makes no table is no answer of ours, as JSON neither.
void print(const StudiesArguments& arguments, const std::string& body, std::string (*table)(const Json&)) {
  std::string text;
  try {
    text = table(Json::parse(body));
  } catch (const Json::exception&) {
    throw not_metserve(200);
  }
  if (arguments.json) text = body;
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void list(const StudiesArguments& arguments) {
  std::string target = "/studies?limit=" + std::to_string(arguments.limit);
  if (!arguments.state.empty()) target += "&state=" + arguments.state;
  if (arguments.attention) target += "&attention=true";
  print(arguments, body_of(arguments, "GET", target), studies_table);
}

/// GET without an action, else POST.
void one_study(const StudiesArguments& arguments, const std::string& action) {
  std::string target = "/studies/" + arguments.key + (action.empty() ? "" : "/" + action);
  char separator = '?';
  for (std::string one : arguments.series) {
    if (const auto equals = one.find('='); equals != std::string::npos) one[equals] = ':';
    target += separator + ("series=" + one);
    separator = '&';
  }
  if (!arguments.destination.empty()) target += separator + ("destination=" + arguments.destination);
  print(arguments, body_of(arguments, action.empty() ? "GET" : "POST", target), study_table);
}

void remove(const StudiesArguments& arguments) {
  print(arguments, body_of(arguments, "DELETE", "/studies/" + arguments.key),
        [](const Json& json) { return "deleted " + json.at("deleted").get<std::string>() + "\n"; });
}

/// A key or name goes into a URL as it is.
std::string plain(const std::string& text) {
  const bool is_plain = !text.empty() && text.find_first_not_of(
                                             "0123456789abcdefghijklmnopqrstuvwxyz"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.=") == std::string::npos;
  return is_plain ? "" : "'" + text + "' has characters that cannot be in it";
}

CLI::App* leaf(CLI::App& studies, const char* name, const char* text,
               const std::shared_ptr<StudiesArguments>& arguments, void (*run)(const StudiesArguments&)) {
  CLI::App* command = studies.add_subcommand(name, text);
  command->add_option("--config", arguments->config, "Configuration of the server")->capture_default_str();
  command->add_flag("--json", arguments->json, "JSON, as HTTP answers it");
  command->callback([arguments, run] { run(*arguments); });
  return command;
}

CLI::App* leaf_of_one(CLI::App& studies, const char* name, const char* text,
                      const std::shared_ptr<StudiesArguments>& arguments,
                      void (*run)(const StudiesArguments&)) {
  CLI::App* command = leaf(studies, name, text, arguments, run);
  command->add_option("KEY", arguments->key, "The study's key, as `list` shows it")
      ->required()
      ->check(CLI::Validator(plain, "KEY"));
  return command;
}

}  // namespace

void add_studies(CLI::App& program) {
  CLI::App* studies = program.add_subcommand(
      "studies", "Look at studies and act on them, in the running server or in its storage directory");
  studies->require_subcommand(1);
  const auto arguments = std::make_shared<StudiesArguments>();
  const CLI::Validator is_plain(plain, "TEXT");

  CLI::App* lister = leaf(*studies, "list", "Studies, newest first", arguments, list);
  lister->add_option("--state", arguments->state, "Only those in this state")->check(is_plain);
  lister->add_flag("--attention", arguments->attention,
                   "Only held and failed ones, and those with stuck objects");
  lister->add_option("--limit", arguments->limit, "At most so many")->capture_default_str();

  leaf_of_one(*studies, "show", "One study with series, deliveries and history", arguments,
              [](const StudiesArguments& a) { one_study(a, ""); });
  leaf_of_one(*studies, "retry", "Match and segment a study again", arguments,
              [](const StudiesArguments& a) { one_study(a, "retry"); });
  leaf_of_one(*studies, "release", "Let a held study go on, and decide what its series are", arguments,
              [](const StudiesArguments& a) { one_study(a, "release"); })
      ->add_option(
          "--series", arguments->series,
          "UID=SLOT: this series fills that slot, or `none`. Ambiguous series that are not named fill none")
      ->check(is_plain);
  leaf_of_one(*studies, "resend", "Send a study's results again", arguments,
              [](const StudiesArguments& a) { one_study(a, "resend"); })
      ->add_option("--destination", arguments->destination, "Only there")
      ->check(is_plain);
  leaf_of_one(*studies, "delete", "Delete a study with its images, results and records", arguments, remove);
}

}  // namespace metserve::server
