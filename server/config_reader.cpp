#include "server/config_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include <yaml-cpp/eventhandler.h>

#include "server/error.h"
#include "server/nearest_name.h"

namespace metserve::server {
namespace {

template <class Number>
std::optional<Number> parsed(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

/// A quoted 8080 is a text, and a text is not a number.
bool quoted(const YAML::Node& node) {
  return node.Tag() == "!";
}

std::string shown(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (node.IsNull()) return "nothing";
  return "'" + node.Scalar() + "'";
}

std::string in_words(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

/// Where documents begin; of what is in them, nothing.
class DocumentStarts final : public YAML::EventHandler {
 public:
  const std::vector<YAML::Mark>& marks() const { return marks_; }

  void OnDocumentStart(const YAML::Mark& mark) override { marks_.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}

 private:
  std::vector<YAML::Mark> marks_;
};

/// Where a second document begins. No third is looked for: yaml-cpp 0.7 finds another one in front of every
/// comma that stands where none may, without ever passing it (YAML::LoadAll does not end).
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  if (parser.HandleNextDocument(starts) && parser.HandleNextDocument(starts)) return starts.marks().at(1);
  return std::nullopt;
}

}  // namespace

void Problems::add(const YAML::Node& node, const std::string& key, const std::string& what) {
  add(node.IsDefined() ? node.Mark() : YAML::Mark::null_mark(), (key.empty() ? "" : key + ": ") + what);
}

/// yaml-cpp counts lines from 0; what is absent has no mark.
void Problems::add(const YAML::Mark& mark, const std::string& what) {
  lines_.push_back(file_ + (mark.is_null() ? "" : ":" + std::to_string(mark.line + 1)) + ": " + what);
}

ConfigSection::ConfigSection(const YAML::Node& node, std::string path, Problems& problems)
    : path_(std::move(path)), problems_(&problems) {
  if (!node.IsDefined() || node.IsNull()) return;
  if (!node.IsMap()) {
    problems.add(node, path_, "must be a mapping of keys, is " + shown(node));
    return;
  }
  node_.reset(node);
}

std::string ConfigSection::name_of(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

bool ConfigSection::has(const char* key) const {
  return node_.IsMap() && static_cast<bool>(std::as_const(node_)[key]);
}

YAML::Node ConfigSection::take(const char* key) {
  known_.emplace_back(key);
  if (!has(key)) return YAML::Node(YAML::NodeType::Undefined);
  return std::as_const(node_)[key];
}

void ConfigSection::problem(const char* key, const std::string& what) {
  const YAML::Node node = has(key) ? YAML::Node(std::as_const(node_)[key]) : node_;
  problems_->add(node, name_of(key), what);
}

void ConfigSection::refuse(const char* key, const std::string& why) {
  known_.emplace_back(key);
  if (has(key)) problem(key, why);
}

void ConfigSection::text(const char* key, std::string& value) {
  const YAML::Node node = take(key);
  if (!node.IsDefined()) return;
  if (!node.IsScalar() || node.Scalar().empty()) return problem(key, "must be text, is " + shown(node));
  value = node.Scalar();
}

void ConfigSection::flag(const char* key, bool& value) {
  const YAML::Node node = take(key);
  if (!node.IsDefined()) return;
  const std::string text = node.IsScalar() && !quoted(node) ? node.Scalar() : "";
  if (text != "true" && text != "false") return problem(key, "must be true or false, is " + shown(node));
  value = text == "true";
}

std::optional<std::int64_t> ConfigSection::whole_number(const char* key, std::int64_t low,
                                                        std::int64_t high) {
  const YAML::Node node = take(key);
  if (!node.IsDefined()) return std::nullopt;
  const auto number = node.IsScalar() && !quoted(node) ? parsed<std::int64_t>(node.Scalar()) : std::nullopt;
  if (number && *number >= low && *number <= high) return number;
  problem(key, "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                   ", is " + shown(node));
  return std::nullopt;
}

std::optional<double> ConfigSection::real_number(const char* key, double low, double high) {
  const YAML::Node node = take(key);
  if (!node.IsDefined()) return std::nullopt;
  const auto number = node.IsScalar() && !quoted(node) ? parsed<double>(node.Scalar()) : std::nullopt;
  if (number && std::isfinite(*number) && *number >= low && *number <= high) return number;
  problem(key, "must be a number from " + in_words(low) + " to " + in_words(high) + ", is " + shown(node));
  return std::nullopt;
}

std::optional<std::size_t> ConfigSection::one_of(const YAML::Node& node, const char* key,
                                                 const std::vector<std::string>& names) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  problems_->add(node, name_of(key), "unknown value " + shown(node) + suggestion(text, names));
  return std::nullopt;
}

std::optional<std::size_t> ConfigSection::chosen(const char* key, const std::vector<std::string>& names) {
  const YAML::Node node = take(key);
  if (!node.IsDefined()) return std::nullopt;
  return one_of(node, key, names);
}

std::optional<std::vector<std::size_t>> ConfigSection::all_chosen(const char* key,
                                                                  const std::vector<std::string>& names) {
  const YAML::Node node = take(key);
  if (!node.IsDefined()) return std::nullopt;
  if (!node.IsSequence()) {
    problem(key, "must be a list, is " + shown(node));
    return std::nullopt;
  }
  std::vector<std::size_t> indices;
  for (const YAML::Node& item : node) {
    const auto index = one_of(item, key, names);
    if (!index) continue;
    if (std::find(indices.begin(), indices.end(), *index) != indices.end()) {
      problems_->add(item, name_of(key), shown(item) + " is named twice");
    }
    indices.push_back(*index);
  }
  return indices;
}

std::vector<std::string> ConfigSection::texts(const char* key) {
  const YAML::Node node = take(key);
  std::vector<std::string> all;
  if (!node.IsDefined()) return all;
  if (!node.IsSequence()) {
    problem(key, "must be a list, is " + shown(node));
    return all;
  }
  for (const YAML::Node& item : node) {
    if (item.IsScalar()) {
      all.push_back(item.Scalar());
    } else {
      problems_->add(item, name_of(key), "must be a list of texts, holds " + shown(item));
    }
  }
  return all;
}

ConfigSection ConfigSection::section(const char* key) {
  return {take(key), name_of(key), *problems_};
}

std::vector<ConfigSection> ConfigSection::sections(const char* key) {
  const YAML::Node node = take(key);
  std::vector<ConfigSection> all;
  if (!node.IsDefined() || node.IsNull()) return all;
  if (!node.IsSequence()) {
    problem(key, "must be a list, is " + shown(node));
    return all;
  }
  for (const YAML::Node& item : node) {
    all.emplace_back(item, name_of(key) + "[" + std::to_string(all.size()) + "]", *problems_);
  }
  return all;
}

void ConfigSection::finish() {
  if (!node_.IsMap()) return;
  std::vector<std::string> seen;
  for (const auto& entry : node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      problems_->add(entry.first, name_of(key), "unknown key" + suggestion(key, known_));
    } else if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      problems_->add(entry.first, name_of(key), "is given twice");
    }
    seen.push_back(key);
  }
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad()) {
    throw Error(Error::Kind::bad_call,
                file.string() + ": cannot be read; name the configuration with --config");
  }
  return text;
}

void read_yaml(const std::string& text, const std::string& name,
               const std::function<void(const YAML::Node&, Problems&)>& read) {
  Problems problems(name);
  try {
    read(YAML::Load(text), problems);
    if (const auto mark = second_document(text))
      problems.add(*mark,
                   "a second YAML document begins (---, or a mark that stands where none may), which nobody "
                   "would read: make it one");
  } catch (const YAML::Exception& error) {
    throw Error(Error::Kind::bad_call,
                name + ":" + std::to_string(error.mark.line + 1) + ": not YAML: " + error.msg);
  }
  std::string all;
  for (const std::string& line : problems.lines()) all += (all.empty() ? "" : "\n") + line;
  if (!all.empty()) throw Error(Error::Kind::bad_call, all);
}

}  // namespace metserve::server
