#include "pipeline/match_contrast_words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using WordList = std::vector<Word>;

constexpr std::string_view agents =
    "gd gad gado gadolin gadolinium gadolinio gadavist gadovist gadobutrol gadoterate dotarem clariscan "
    "prohance magnevist multihance omniscan vueway elucirem optimark";
constexpr std::string_view contrast_words =
    "contrast contraste contrasto contraststof contrastmiddel kontrast kontrastmittel kontrastmiddel "
    "kontrastvatska mdc pdc km ce enhanced inj injecte iniettato varjoaine varjoainetta tehosteaine "
    "tehostetta";
constexpr std::string_view without_words =
    "without wo wout ohne sans senza sin sem zonder utan uten uden ilman no non not nao kein keine keinen "
    "ingen "
    "inget ikke minus pre before avant avt vor prima voor antes foer fore";

/// Words that turn each other round: of both, one after the other, nobody knows which is meant.
constexpr std::array<std::pair<std::string_view, std::string_view>, 29> opposites{{
    {"with", "without"}, {"w", "wo"},       {"w", "wout"},       {"mit", "ohne"},     {"avec", "sans"},
    {"con", "senza"},    {"con", "sin"},    {"com", "sem"},      {"met", "zonder"},   {"med", "utan"},
    {"med", "uten"},     {"med", "uden"},   {"pre", "post"},     {"before", "after"}, {"vor", "nach"},
    {"avant", "apres"},  {"prima", "dopo"}, {"antes", "depois"}, {"antes", "apos"},   {"antes", "despues"},
    {"voor", "na"},      {"fore", "efter"}, {"foer", "efter"},   {"foer", "etter"},   {"a", "s"},
    {"c", "s"},          {"m", "o"},        {"m", "u"},          {"n", "v"},
}};

bool in(std::string_view list, const std::string& word) {
  return (' ' + std::string(list) + ' ').find(' ' + word + ' ') != std::string::npos;
}

bool names_contrast(const WordList& words, std::size_t i) {
  return i < words.size() && (in(agents, words[i].text) || in(contrast_words, words[i].text));
}

bool speaks_of_contrast(const WordList& words, std::size_t i) {
  return names_contrast(words, i) || (i < words.size() && in("c con inj injection iv", words[i].text));
}

/// An operation, radiation or illness, the posterior fossa or image processing, in whatever language.
bool is_other_matter(const std::string& word) {
  constexpr std::array<std::string_view, 39> stems{
      "ablat",   "bestra",  "biops",   "chemo",   "chimio",   "chirur",  "cirug",  "cirur",
      "concuss", "craniec", "craniot", "cyber",   "embol",    "excis",   "exeres", "gamma",
      "immun",   "injur",   "irrad",   "kraniot", "opera",    "process", "quimio", "radiat",
      "radio",   "resec",   "resek",   "resez",   "stereota", "stim",    "strahl", "stral",
      "surg",    "terap",   "therap",  "tratam",  "trattam",  "trauma",  "treat",
  };
  return in("op rt xrt wbrt sbrt srs srt fsrt imrt vmat gk gks gkrs ck tx knife linac laser litt dbs shunt "
            "behandling behandlung traitement kirurgi stroke ictal partum mortem fossa",
            word) ||
         std::any_of(stems.begin(), stems.end(), [&](auto stem) { return word.starts_with(stem); });
}

/// "pre" and "post" that speak of another matter: "post left frontal resection".
bool of_other_matter(const WordList& words, std::size_t i) {
  const std::size_t end = std::min(i + 4, words.size());
  for (++i; i < end && !speaks_of_contrast(words, i); ++i)
    if (is_other_matter(words[i].text)) return true;
  return false;
}

/// How long ago something was: "2y post", "6 months post". "3d" is a kind of sequence.
bool is_duration(const std::string& word) {
  const std::size_t digits = word.find_first_not_of("0123456789");
  const bool numbered = digits != 0 && digits != std::string::npos;
  return in("days day weeks week wks wk months month mos mo years year yrs yr hours tage wochen monate jahre "
            "jours semaines mois ans giorni settimane mesi anni dias semanas meses anos",
            word) ||
         (numbered && in("w wk wks m mo mos mth mths y yr yrs h hrs", word.substr(digits)));
}

/// What follows "post" where it stands for "post contrast": planes, sequences, resolution, the head.
bool is_technical(const std::string& word) {
  return word.ends_with("mm") ||
         in("ax axi axial tra trans transv transversal transverse sag sagittal cor coronal koronar obl "
            "oblique "
            "t1 t1w t2 t2w flair mprage mpr bravo cube space spc vista tfe ffe tfl spgr fspgr irfspgr ir tse "
            "fse se gre flash vibe mvox dixon flex 3d 2d vol volume iso isotropic hr hires thin fast fs fat "
            "fatsat sat nd norm dis2d dis3d orig delayed delay late early nav navi stealth brainlab brain "
            "head "
            "kopf schadel routine repeat rpt",
            word);
}

/// A "post" that may be of contrast: at the end or before a word of contrast or technique, and not after a
/// time. Of everything else ("post lobectomy", "post cycle 3") only what comes after it is known.
bool is_post_contrast(const WordList& words, std::size_t i) {
  if (words[i].text != "post" || of_other_matter(words, i)) return false;
  if (i > 0 && is_duration(words[i - 1].text)) return false;
  if (i + 1 == words.size() || speaks_of_contrast(words, i + 1)) return true;
  const std::string& next = words[i + 1].text;
  const bool ends_in_number = i + 2 == words.size() && next.find_first_not_of("0123456789") == next.npos;
  return is_technical(next) || ends_in_number;  // "post 2" is the second series of its kind
}

/// "KM-"; after a word written in full the hyphen is only a hyphen.
bool is_negated(const Word& word) {
  return word.mark == Mark::minus && in("c ce gad gado gd k km mdc pdc", word.text);
}

/// One of these letters before the agent: "o. KM", but not the "v." of "i.v. KM".
bool is_short_for(std::string_view letters, const WordList& words, std::size_t i) {
  const bool follows_letter = i > 0 && words[i - 1].text.size() == 1 && words[i - 1].mark == Mark::point;
  return in(letters, words[i].text) && names_contrast(words, i + 1) && !follows_letter;
}

/// What says "before" or "without", or empty.
std::string negative_words(const WordList& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    if (in("nativ native nativo nativa natiivi basale noncontrast unenhanced precontrast pregad pregd prekm "
           "blanco nc",
           word))
      return word;
    const bool is_short = words[i].mark == Mark::point && is_short_for("o s u v z", words, i);
    if (is_short || (in(without_words, word) && speaks_of_contrast(words, i + 1)))
      return word + " " + words[i + 1].text;
    const bool is_last = i + 1 == words.size();
    if (is_last && in("wo ohne sans senza sem zonder utan uten uden ilman without", word)) return word;
    if (!is_last && names_contrast(words, i) && in("free frei", words[i + 1].text))
      return word + " " + words[i + 1].text;
  }
  return {};
}

/// What says "without" only where nothing else speaks of contrast, or empty.
std::string doubtful_words(const WordList& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& [word, mark] = words[i];
    if (word == "pre" && !of_other_matter(words, i)) return word;
    if (is_negated(words[i])) return word + "-";
    if (names_contrast(words, i) && (mark == Mark::dash || mark == Mark::minus)) return "-" + word;
    if (is_short_for("a av f o s ss u v z", words, i)) return word + " " + words[i + 1].text;
  }
  return {};
}

/// What says "after" or "with", or empty.
std::string positive_words(const WordList& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& [word, mark] = words[i];
    if (names_contrast(words, i) && !is_negated(words[i])) return word;
    if (in("c k", word) && mark == Mark::plus) return "+" + word;
    if (in("postcontrast postgad postgd postkm t1ce t1c t1gd t1post t1km t1wce", word)) return word;
    if (is_post_contrast(words, i)) return word;
  }
  return {};
}

bool are_opposite(const std::string& a, const std::string& b) {
  return std::any_of(opposites.begin(), opposites.end(), [&](const auto& pair) {
    return (a == pair.first && b == pair.second) || (b == pair.first && a == pair.second);
  });
}

/// "With and without" speaks of the examination, not of the series; "for kontrast" is "before" to a Norwegian
/// without his ø.
bool says_either(std::string_view text, const Words& words) {
  for (const std::string_view sign : {"+/-", "-/+", "±"})
    if (text.find(sign) != std::string_view::npos) return true;
  for (const std::string_view phrase : {"w w o", "w and w o", "for kontrast", "for km", "for gd"})
    if (words.phrase(phrase)) return true;
  const WordList& list = words.list();
  for (std::size_t i = 0; i + 1 < list.size(); ++i) {
    const std::size_t j = i + (in("and or und oder et ou e y og och en", list[i + 1].text) ? 2 : 1);
    if (j >= list.size() || !are_opposite(list[i].text, list[j].text)) continue;
    const bool letters = list[i].text.size() + list[j].text.size() == 2;
    if (!letters || names_contrast(list, j + 1)) return true;
  }
  return false;
}

ContrastWitness read(std::string_view text, const std::string& where) {
  const Words words(text);
  if (says_either(text, words)) return {};
  const auto saying = [&](const std::string& what) { return "'" + what + "' in its " + where; };
  if (words.phrase("w o") || words.phrase("w out")) return {Contrast::pre, saying("w/o")};
  if (const auto without = negative_words(words.list()); !without.empty())
    return {Contrast::pre, saying(without)};
  const std::string with = positive_words(words.list()), doubt = doubtful_words(words.list());
  if (with.empty() && doubt.empty()) return {};
  if (doubt.empty()) return {Contrast::post, saying(with)};
  if (with.empty()) return {Contrast::pre, saying(doubt)};
  return {Contrast::unknown, saying(with) + " and '" + doubt + "' leave open whether the agent was given"};
}

/// A number that is not positive, whatever its unit: "0.00", "0,0 ml".
bool is_zero(std::string text) {
  std::replace(text.begin(), text.end(), ',', '.');
  double value = 1;
  const std::size_t start = std::min(text.find_first_not_of(' '), text.size());
  std::from_chars(text.data() + start, text.data() + text.size(), value);
  return value <= 0;
}

}  // namespace

ContrastWitness contrast_by_words(const SeriesHeader& header) {
  ContrastWitness described = read(header.series_description, "description");
  if (!has_own_protocol(header)) return described;
  ContrastWitness protocol = read(header.protocol_name, "protocol");
  if (described.reason.empty()) return protocol;
  if (described.state == Contrast::post && protocol.state == Contrast::pre)
    return {Contrast::unknown, described.reason + ", but " + protocol.reason};
  return described;
}

bool means_none(const std::string& entered) {
  const Words words(entered);
  return words.empty() || is_zero(entered) || words.any(without_words) ||
         words.any("n na nil none null unknown") || words.phrase("w o");
}

}  // namespace metserve::pipeline
