#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace metserve::server {

/// Mistakes found so far, each "file:line: key: what is wrong".
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(const YAML::Node& node, const std::string& key, const std::string& what);
  void add(const YAML::Mark& mark, const std::string& what);
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

/// One mapping of the file. Each reader leaves `value` as it is when the key is absent or wrong; what is
/// wrong goes to the problems. `finish` reports the keys that nobody asked for.
class ConfigSection {
 public:
  /// `path`: dotted name of the mapping, empty at the top. `node` may be absent (all defaults).
  ConfigSection(const YAML::Node& node, std::string path, Problems& problems);

  void text(const char* key, std::string& value);
  void flag(const char* key, bool& value);
  template <class Integer>
  void whole(const char* key, Integer& value, std::int64_t low, std::int64_t high) {
    if (const auto number = whole_number(key, low, high)) value = static_cast<Integer>(*number);
  }
  /// In seconds, hours and so on: what `Duration` counts.
  template <class Duration>
  void duration(const char* key, Duration& value, std::int64_t low, std::int64_t high) {
    if (const auto number = whole_number(key, low, high)) value = Duration(*number);
  }
  std::optional<std::int64_t> whole_number(const char* key, std::int64_t low, std::int64_t high);
  std::optional<double> real_number(const char* key, double low, double high);
  template <class Enum>
  void choice(const char* key, Enum& value, const std::vector<std::pair<std::string, Enum>>& choices) {
    if (const auto index = chosen(key, names_of(choices))) value = choices[*index].second;
  }
  std::vector<std::string> texts(const char* key);
  /// Reads each text of a list as one of the choices.
  template <class Enum>
  void choices(const char* key, std::vector<Enum>& value,
               const std::vector<std::pair<std::string, Enum>>& valid) {
    if (const auto indices = all_chosen(key, names_of(valid))) {
      value.clear();
      for (const std::size_t index : *indices) value.push_back(valid[index].second);
    }
  }
  ConfigSection section(const char* key);
  std::vector<ConfigSection> sections(const char* key);

  bool has(const char* key) const;
  /// A key that exists but must not be given here.
  void refuse(const char* key, const std::string& why);
  /// A mistake that only the caller can see.
  void problem(const char* key, const std::string& what);
  void finish();

 private:
  template <class Enum>
  static std::vector<std::string> names_of(const std::vector<std::pair<std::string, Enum>>& choices) {
    std::vector<std::string> names;
    names.reserve(choices.size());
    for (const auto& one : choices) names.push_back(one.first);
    return names;
  }
  YAML::Node take(const char* key);
  std::string name_of(const std::string& key) const;
  std::optional<std::size_t> chosen(const char* key, const std::vector<std::string>& names);
  std::optional<std::size_t> one_of(const YAML::Node& node, const char* key,
                                    const std::vector<std::string>& names);
  std::optional<std::vector<std::size_t>> all_chosen(const char* key, const std::vector<std::string>& names);

  YAML::Node node_;
  std::string path_;
  Problems* problems_;
  std::vector<std::string> known_;
};

/// The bytes of a configuration file. Throws Error(bad_call) naming it.
std::string text_of(const std::filesystem::path& file);

/// Parses YAML and lets `read` look at it; a second document in it is a mistake. Throws Error(bad_call) whose
/// text has one line per mistake that was found; `name` stands for the file in them.
void read_yaml(const std::string& text, const std::string& name,
               const std::function<void(const YAML::Node& root, Problems& problems)>& read);

}  // namespace metserve::server
