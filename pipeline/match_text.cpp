#include "pipeline/match_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <utility>

namespace metserve::pipeline {
namespace {

/// Letters of the languages that descriptions are written in, in UTF-8, and what they are folded to.
constexpr std::array<std::pair<std::string_view, std::string_view>, 55> folded{{
    {"à", "a"}, {"á", "a"},  {"â", "a"}, {"ã", "a"},  {"ä", "a"},  {"å", "a"}, {"æ", "ae"}, {"ç", "c"},
    {"è", "e"}, {"é", "e"},  {"ê", "e"}, {"ë", "e"},  {"ì", "i"},  {"í", "i"}, {"î", "i"},  {"ï", "i"},
    {"ñ", "n"}, {"ò", "o"},  {"ó", "o"}, {"ô", "o"},  {"õ", "o"},  {"ö", "o"}, {"ø", "oe"}, {"ù", "u"},
    {"ú", "u"}, {"û", "u"},  {"ü", "u"}, {"ß", "ss"}, {"À", "a"},  {"Á", "a"}, {"Â", "a"},  {"Ä", "a"},
    {"Å", "a"}, {"Æ", "ae"}, {"Ç", "c"}, {"È", "e"},  {"É", "e"},  {"Ê", "e"}, {"Ì", "i"},  {"Í", "i"},
    {"Ñ", "n"}, {"Ó", "o"},  {"Ô", "o"}, {"Ö", "o"},  {"Ø", "oe"}, {"Ü", "u"}, {"Ã", "a"},  {"Ë", "e"},
    {"Î", "i"}, {"Ï", "i"},  {"Ò", "o"}, {"Õ", "o"},  {"Ù", "u"},  {"Ú", "u"}, {"Û", "u"},
}};

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

std::vector<std::string> split(std::string_view words) {
  std::vector<std::string> list;
  for (std::size_t start = 0; start < words.size();) {
    const std::size_t end = std::min(words.find(' ', start), words.size());
    list.emplace_back(words.substr(start, end - start));
    start = end + 1;
  }
  return list;
}

Mark mark_of(std::string_view text, std::size_t start, std::size_t end) {
  const auto at = [&](std::size_t i) { return i < text.size() ? text[i] : ' '; };  // also before the first
  const char before = at(start - 1), after = at(end);
  const bool ends_there = !is_word_character(at(end + 1));
  if (before == '+' || (after == '+' && ends_there)) return Mark::plus;
  if (before == '-' && !is_word_character(at(start - 2))) return Mark::dash;
  if (after == '-' && ends_there) return before == '-' ? Mark::dash : Mark::minus;
  return after == '.' || after == '/' ? Mark::point : Mark::none;
}

}  // namespace

std::string fold(std::string_view utf8) {
  std::string text;
  while (!utf8.empty()) {
    const auto letter = std::find_if(folded.begin(), folded.end(),
                                     [&](const auto& pair) { return utf8.starts_with(pair.first); });
    if (letter != folded.end()) {
      text += letter->second;
      utf8.remove_prefix(letter->first.size());
    } else {
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(utf8.front())));
      utf8.remove_prefix(1);
    }
  }
  return text;
}

Words::Words(std::string_view utf8) {
  const std::string text = fold(utf8);
  for (std::size_t start = 0; start < text.size();) {
    if (!is_word_character(text[start])) {
      ++start;
      continue;
    }
    std::size_t end = start;
    while (end < text.size() && is_word_character(text[end])) ++end;
    words_.push_back({text.substr(start, end - start), mark_of(text, start, end)});
    start = end;
  }
}

std::string Words::first_of(std::string_view words) const {
  for (const std::string& word : split(words))
    if (phrase(word)) return word;
  return {};
}

bool Words::phrase(std::string_view words) const {
  const auto sought = split(words);
  const auto same = [](const Word& word, const std::string& text) { return word.text == text; };
  return std::search(words_.begin(), words_.end(), sought.begin(), sought.end(), same) != words_.end();
}

bool has_own_protocol(const dicom::SeriesHeader& header) {
  return !upper(header.manufacturer).starts_with("GE");
}

std::string series_text(const dicom::SeriesHeader& header) {
  if (!has_own_protocol(header) || header.protocol_name == header.series_description)
    return header.series_description;
  return header.series_description + " " + header.protocol_name;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.5g", value);
  return text.data();
}

}  // namespace metserve::pipeline
