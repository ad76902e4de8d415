#include "dicom/dataset.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcistrmf.h>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

constexpr std::uintptr_t parser_stack_bytes = 256 * 1024;
constexpr Uint32 eager_value_bytes = 4096;

/// Where the calling function's stack frame lies.
std::uintptr_t stack_position() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

/// A file that seems to end as soon as the parser has recursed too far. The parser reads from here at every
/// level, so nothing in the bytes can lead around the limit; it takes about 1.5 KiB of stack a level.
class DepthLimitedFile : public DcmInputFileStream {
 public:
  explicit DepthLimitedFile(const std::filesystem::path& path)
      : DcmInputFileStream(OFFilename(path.c_str())), start_(stack_position()) {}

  offile_off_t read(void* buffer, offile_off_t length) override {
    // The stack grows downwards on every platform that this is built for.
    const std::uintptr_t here = stack_position();
    if (here < start_ && start_ - here > parser_stack_bytes) too_deep_ = true;
    return too_deep_ ? 0 : DcmInputFileStream::read(buffer, length);
  }
  OFBool eos() override { return too_deep_ || DcmInputFileStream::eos(); }
  bool too_deep() const { return too_deep_; }

 private:
  std::uintptr_t start_;
  bool too_deep_ = false;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view padding{" \0\t\r\n", 5};
  const auto first = text.find_first_not_of(padding);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(padding) - first + 1);
}

std::string ascii_only(std::string text) {
  constexpr char escape = 0x1b;
  for (char& c : text)
    if (static_cast<unsigned char>(c) >= 0x80 || c == escape) c = '?';
  return text;
}

/// JIS X 0201 has katakana in bytes of 8 bits (PS3.5 annex H), ISO-2022-JP between escape sequences.
std::string in_seven_bits(const std::string& value) {
  std::string text;
  for (const char c : value) {
    const bool katakana = static_cast<unsigned char>(c) >= 0x80;
    text += katakana ? std::string("\x1b(I") + static_cast<char>(c & 0x7f) + "\x1b(J" : std::string(1, c);
  }
  return text;
}

}  // namespace

std::unique_ptr<DcmFileFormat> read_file(const std::filesystem::path& path) {
  DepthLimitedFile stream(path);
  if (!stream.good())
    throw Error(Error::Kind::io, path.string() + ": cannot be opened: " + stream.status().text());
  auto file = std::make_unique<DcmFileFormat>();
  file->transferInit();
  const OFCondition result = file->read(stream, EXS_Unknown, EGL_noChange, eager_value_bytes);
  file->transferEnd();
  if (stream.too_deep())
    throw Error(Error::Kind::bad_input, path.string() + ": sequences nested too deep to be a real image");
  if (result.bad())
    throw Error(Error::Kind::bad_input,
                path.string() + ": no readable DICOM file, or one that is cut off: " + result.text());
  return file;
}

std::string text_of(DcmItem& item, const DcmTagKey& tag) {
  OFString value;
  if (item.findAndGetOFStringArray(tag, value).bad()) return {};
  return std::string(trimmed({value.data(), value.size()}));
}

std::vector<std::string> components(std::string_view text) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\\', start), text.size());
    parts.emplace_back(trimmed(text.substr(start, end - start)));
    start = end + 1;
  }
  return parts;
}

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<double> parse_numbers(std::string_view text) {
  std::vector<double> numbers;
  for (const std::string& part : components(text)) {
    const auto number = parse_number(part);
    if (!number) return {};
    numbers.push_back(*number);
  }
  return numbers;
}

DcmItem* first_item(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* found = nullptr;
  return item.findAndGetSequenceItem(sequence, found, 0).good() ? found : nullptr;
}

Utf8::Utf8(DcmItem& dataset) {
  OFString charset;
  dataset.findAndGetOFStringArray(DCM_SpecificCharacterSet, charset);
  // Many writers leave the attribute out and send Latin-1: it holds every byte.
  if (charset.empty()) charset = "ISO_IR 100";
  utf8_already_ = charset == "ISO_IR 192";
  const auto charsets = components({charset.data(), charset.size()});
  const auto has = [&](const char* one) {
    return std::find(charsets.begin(), charsets.end(), one) != charsets.end();
  };
  if (has("ISO 2022 IR 87") || has("ISO 2022 IR 159")) {  // JIS X 0208, 0212 (PS3.3 C.12.1.1.2)
    convert_japanese_ = japanese_.selectEncoding("ISO-2022-JP-2", "UTF-8").good();
    has_katakana_ = has("ISO 2022 IR 13");
  } else {
    convert_ = !utf8_already_ && converter_.selectCharacterSet(charset).good();
  }
}

std::string Utf8::operator()(const std::string& value) {
  if (utf8_already_) return value;
  OFString converted;
  const std::string japanese = has_katakana_ ? in_seven_bits(value) : value;
  if (convert_japanese_ &&
      japanese_.convertString(OFString(japanese.data(), japanese.size()), converted).good())
    return std::string(converted.data(), converted.size());
  if (convert_ && converter_.convertString(OFString(value.data(), value.size()), converted).good())
    return std::string(converted.data(), converted.size());
  return ascii_only(value);
}

}  // namespace metserve::dicom
