// The walk over an encoded dataset (PS3.5 section 7): elements, items and delimiters, no values.

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include "dicom/error.h"
#include "dicom/part10.h"

namespace metserve::dicom {
namespace {

constexpr std::uint32_t undefined_length = 0xffffffff;
constexpr std::uint64_t open_end = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t item_tag = 0xfffee000, item_end_tag = 0xfffee00d, sequence_end_tag = 0xfffee0dd;
constexpr std::uint32_t pixel_data_tag = 0x7fe00010;
constexpr std::size_t header_bytes = 8;

struct Encoding {
  bool explicit_vr = true;
  bool big_endian = false;
};

struct ElementHeader {
  std::uint32_t tag = 0;
  std::uint32_t length = 0;
  bool is_sequence = false;      ///< by its VR or its undefined length
  bool may_be_sequence = false;  ///< no VR tells
  bool is_fragments = false;     ///< encapsulated pixel data
  Encoding inside;
};

/// A sequence, or an item of one, that has been entered and not yet left.
struct Frame {
  std::uint64_t end = open_end;
  bool items = true;     ///< holds items, otherwise elements
  bool guessed = false;  ///< entered because a value looked like a sequence
  bool fragments = false;
  Encoding encoding;
};

[[noreturn]] void malformed(std::uint64_t offset, const std::string& what) {
  throw Error(Error::Kind::bad_input, "dataset, byte " + std::to_string(offset) + ": " + what);
}

class Scanner {
 public:
  Scanner(std::span<const std::uint8_t> dataset, std::string_view transfer_syntax_uid,
          std::span<const std::uint32_t> wanted, const ScanLimits& limits)
      : wanted_(wanted), limits_(limits) {
    const DcmXfer syntax(std::string(transfer_syntax_uid).c_str());
    if (syntax.getXfer() == EXS_Unknown)
      throw Error(Error::Kind::unsupported, "unknown transfer syntax " + std::string(transfer_syntax_uid));
    encoding_ = {syntax.isExplicitVR() == OFTrue, syntax.isBigEndian() == OFTrue};
    stream_.setBuffer(dataset.data(), static_cast<offile_off_t>(dataset.size()));
    stream_.setEos();
    inflated_ = syntax.getStreamCompression() != ESC_none;
    if (inflated_ && stream_.installCompressionFilter(syntax.getStreamCompression()).bad())
      throw Error(Error::Kind::unsupported, "deflated datasets cannot be read by this build of DCMTK");
    end_ = inflated_ ? limits.max_inflated_bytes : dataset.size();
  }

  ScannedValues run() {
    for (;;) {
      leave_finished_frames();
      std::array<std::uint8_t, header_bytes> head{};
      const auto got = read_some(head.data(), head.size());
      if (got == 0 && frames_.empty()) {
        if (inflated_ && (stream_.status().bad() || !stream_.eos()))
          malformed(position_, "it does not inflate to its end");
        return std::move(values_);
      }
      if (got != head.size()) malformed(position_, "it ends in the middle of an element");
      step(head);
      if (head_end_) return std::move(values_);
    }
  }

  ScannedHead run_head() {
    head_only_ = true;
    ScannedValues values = run();
    if (!head_end_) malformed(position_, "there is no uncompressed pixel data");
    return {std::move(values), position_, *head_end_};
  }

 private:
  const Encoding& encoding() const { return frames_.empty() ? encoding_ : frames_.back().encoding; }
  std::uint64_t end() const { return frames_.empty() ? end_ : end_of_innermost_; }

  std::uint32_t u16(const std::uint8_t* p) const {
    return encoding().big_endian ? std::uint32_t{p[0]} << 8 | p[1] : std::uint32_t{p[1]} << 8 | p[0];
  }
  std::uint32_t u32(const std::uint8_t* p) const {
    return encoding().big_endian ? u16(p) << 16 | u16(p + 2) : u16(p + 2) << 16 | u16(p);
  }

  std::size_t read_some(std::uint8_t* to, std::size_t bytes) {
    std::size_t got = 0;
    while (got < bytes) {
      const auto count = stream_.read(to + got, static_cast<offile_off_t>(bytes - got));
      if (count <= 0) break;
      got += static_cast<std::size_t>(count);
    }
    position_ += got;
    if (position_ > end_) malformed(position_, "it inflates to more than the limit");
    return got;
  }

  void skip(std::uint64_t bytes) {
    if (position_ + bytes > end_) malformed(position_, "a length goes beyond the end");
    while (bytes > 0) {
      const auto count = stream_.skip(static_cast<offile_off_t>(bytes));
      if (count <= 0) malformed(position_, "a length goes beyond the end");
      position_ += static_cast<std::uint64_t>(count);
      bytes -= static_cast<std::uint64_t>(count);
    }
  }

  /// A guessed sequence that does not add up was none: its value is skipped. False where nothing was guessed.
  bool abandon_guess() {
    const auto guess = std::find_if(frames_.begin(), frames_.end(), [](const Frame& f) { return f.guessed; });
    if (guess == frames_.end()) return false;
    const auto value_end = guess->end;
    frames_.erase(guess, frames_.end());
    update_end();
    if (position_ > value_end) malformed(position_, "a length goes beyond its sequence");
    skip(value_end - position_);
    return true;
  }

  void push(const Frame& frame) {
    if (frame.items && !frame.fragments) {
      const auto depth =
          1 + std::count_if(frames_.begin(), frames_.end(), [](const Frame& f) { return f.items; });
      if (static_cast<std::size_t>(depth) > limits_.max_depth)
        malformed(position_, "sequences are nested deeper than " + std::to_string(limits_.max_depth));
    }
    frames_.push_back(frame);
    update_end();
  }

  void pop() {
    frames_.pop_back();
    update_end();
  }

  void update_end() {
    end_of_innermost_ = end_;
    for (const auto& frame : frames_) end_of_innermost_ = std::min(end_of_innermost_, frame.end);
  }

  void leave_finished_frames() {
    while (!frames_.empty() && frames_.back().end != open_end && position_ >= frames_.back().end) {
      if (position_ > frames_.back().end && !abandon_guess())
        malformed(position_, "an item is too long");
      else if (!frames_.empty() && position_ == frames_.back().end)
        pop();
    }
  }

  void step(const std::array<std::uint8_t, header_bytes>& head) {
    const auto tag = u16(head.data()) << 16 | u16(head.data() + 2);
    const bool in_sequence = !frames_.empty() && frames_.back().items;
    const bool structural = tag == item_tag || tag == item_end_tag || tag == sequence_end_tag;
    if (in_sequence != structural && !(tag == item_end_tag && !frames_.empty())) {
      if (!abandon_guess()) malformed(position_, "an item or its end is not where it can be");
      return;
    }
    if (structural) {
      step_structural(tag, u32(head.data() + 4));
    } else if (const auto element = element_header(tag, head)) {
      step_element(*element);
    }
  }

  void step_structural(std::uint32_t tag, std::uint32_t length) {
    if (tag == sequence_end_tag || (tag == item_end_tag && frames_.back().end == open_end)) {
      pop();
      return;
    }
    if (tag == item_end_tag) return;  // after an item of known length: superfluous, and seen in the field
    const bool fragment = frames_.back().fragments;
    if (length == undefined_length && fragment) malformed(position_, "a fragment has no length");
    if (length != undefined_length && position_ + length > end()) {
      if (!abandon_guess()) malformed(position_, "an item goes beyond its sequence");
      return;
    }
    if (fragment) return skip(length);
    Frame item = {.items = false, .encoding = encoding()};
    if (length != undefined_length) item.end = position_ + length;
    push(item);
  }

  /// Nothing when the bytes turned out to be no element of a guessed sequence.
  std::optional<ElementHeader> element_header(std::uint32_t tag,
                                              const std::array<std::uint8_t, header_bytes>& head) {
    ElementHeader out = {.tag = tag, .inside = encoding()};
    if (!encoding().explicit_vr) {
      out.length = u32(head.data() + 4);
      out.may_be_sequence = true;
      out.is_sequence = out.length == undefined_length;
    } else if (!read_explicit(head, out)) {
      if (!abandon_guess()) malformed(position_, "unknown value representation");
      return std::nullopt;
    }
    out.is_fragments = out.is_sequence && tag == pixel_data_tag;
    return out;
  }

  bool read_explicit(const std::array<std::uint8_t, header_bytes>& head, ElementHeader& out) {
    using namespace std::string_view_literals;
    static constexpr std::array short_vrs = {"AE"sv, "AS"sv, "AT"sv, "CS"sv, "DA"sv, "DS"sv, "DT"sv,
                                             "FD"sv, "FL"sv, "IS"sv, "LO"sv, "LT"sv, "PN"sv, "SH"sv,
                                             "SL"sv, "SS"sv, "ST"sv, "TM"sv, "UI"sv, "UL"sv, "US"sv};
    static constexpr std::array long_vrs = {"OB"sv, "OD"sv, "OF"sv, "OL"sv, "OV"sv, "OW"sv, "SQ"sv,
                                            "SV"sv, "UC"sv, "UN"sv, "UR"sv, "UT"sv, "UV"sv};
    const std::array<char, 2> letters = {static_cast<char>(head[4]), static_cast<char>(head[5])};
    const std::string_view vr(letters.data(), letters.size());
    if (std::find(short_vrs.begin(), short_vrs.end(), vr) != short_vrs.end()) {
      out.length = u16(head.data() + 6);
      return true;
    }
    if (std::find(long_vrs.begin(), long_vrs.end(), vr) == long_vrs.end()) return false;
    std::array<std::uint8_t, 4> length{};
    if (read_some(length.data(), length.size()) != length.size()) malformed(position_, "it is cut off");
    out.length = u32(length.data());
    const bool undefined = out.length == undefined_length;
    out.is_sequence = vr == "SQ" || undefined;
    if (vr == "UN") {  // PS3.5 section 6.2.2: what is inside is implicit VR little endian
      out.inside = {false, false};
      out.may_be_sequence = true;
    }
    return !undefined || vr == "SQ" || vr == "UN" || out.tag == pixel_data_tag;
  }

  void step_element(const ElementHeader& element) {
    const bool known_length = element.length != undefined_length;
    if (head_only_ && known_length && frames_.empty() && element.tag == pixel_data_tag) {
      head_end_ = element.length;
      return;
    }
    if (known_length && position_ + element.length > end()) {
      if (!abandon_guess())
        malformed(position_, "a length goes beyond the end of its item or of the dataset");
      return;
    }
    if (element.is_sequence) {
      if (head_only_ && frames_.empty() && is_wanted(element.tag)) values_.try_emplace(element.tag);
      push({.end = known_length ? position_ + element.length : open_end,
            .fragments = element.is_fragments,
            .encoding = element.inside});
    } else if (frames_.empty() && is_wanted(element.tag)) {
      keep_value(element);
    } else if (element.may_be_sequence && element.length >= header_bytes) {
      guess(element);
    } else {
      skip(element.length);
    }
  }

  bool is_wanted(std::uint32_t tag) const {
    return std::find(wanted_.begin(), wanted_.end(), tag) != wanted_.end();
  }

  void keep_value(const ElementHeader& element) {
    if (element.length > limits_.max_value_bytes) malformed(position_, "an identifying value is too long");
    std::string value(element.length, '\0');
    if (read_some(reinterpret_cast<std::uint8_t*>(value.data()), value.size()) != value.size())
      malformed(position_, "it is cut off");
    values_.try_emplace(element.tag, std::move(value));  // of duplicates the first counts, as in DCMTK
  }

  void guess(const ElementHeader& element) {
    const auto value_end = position_ + element.length;
    std::array<std::uint8_t, header_bytes> head{};
    if (read_some(head.data(), head.size()) != head.size()) malformed(position_, "it is cut off");
    static constexpr std::array<std::uint8_t, 4> item_start = {0xfe, 0xff, 0x00, 0xe0};
    if (!std::equal(item_start.begin(), item_start.end(), head.begin())) return skip(value_end - position_);
    push({.end = value_end, .guessed = true, .encoding = element.inside});
    step(head);
  }

  std::span<const std::uint32_t> wanted_;
  ScanLimits limits_;
  Encoding encoding_;
  DcmInputBufferStream stream_;
  bool inflated_ = false;
  bool head_only_ = false;                 // stop where the value of Pixel Data starts
  std::optional<std::uint32_t> head_end_;  // its length, once there
  std::uint64_t position_ = 0, end_ = 0, end_of_innermost_ = 0;
  std::vector<Frame> frames_;
  ScannedValues values_;
};

}  // namespace

ScannedValues scan_dataset(std::span<const std::uint8_t> dataset, std::string_view transfer_syntax_uid,
                           std::span<const std::uint32_t> wanted, const ScanLimits& limits) {
  return Scanner(dataset, transfer_syntax_uid, wanted, limits).run();
}

ScannedHead scan_head(std::span<const std::uint8_t> start, std::string_view transfer_syntax_uid,
                      std::span<const std::uint32_t> wanted) {
  return Scanner(start, transfer_syntax_uid, wanted, {}).run_head();
}

}  // namespace metserve::dicom
