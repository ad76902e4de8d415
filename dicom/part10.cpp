#include "dicom/part10.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t preamble_bytes = 128;
constexpr std::size_t max_uid_length = 64;

void append_u16(std::vector<std::uint8_t>& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value & 0xff));
  to.push_back(static_cast<std::uint8_t>(value >> 8 & 0xff));
}

void append_u32(std::vector<std::uint8_t>& to, std::size_t value) {
  append_u16(to, value & 0xffff);
  append_u16(to, value >> 16);
}

/// One element of group 0002, explicit VR little endian, with a VR whose length has 16 bits.
void append_text(std::vector<std::uint8_t>& to, std::uint16_t element, std::string_view vr,
                 std::string_view value, char padding) {
  append_u16(to, 0x0002);
  append_u16(to, element);
  to.insert(to.end(), vr.begin(), vr.end());
  append_u16(to, value.size() + value.size() % 2);
  to.insert(to.end(), value.begin(), value.end());
  if (value.size() % 2 != 0) to.push_back(static_cast<std::uint8_t>(padding));
}

std::vector<std::uint8_t> meta_elements(const FileMeta& meta) {
  std::vector<std::uint8_t> out = {0x02, 0x00, 0x01, 0x00, 'O', 'B', 0, 0, 2, 0, 0, 0, 0x00, 0x01};
  append_text(out, 0x0002, "UI", meta.sop_class_uid, '\0');
  append_text(out, 0x0003, "UI", meta.sop_instance_uid, '\0');
  append_text(out, 0x0010, "UI", meta.transfer_syntax_uid, '\0');
  append_text(out, 0x0012, "UI", implementation_class_uid, '\0');
  append_text(out, 0x0013, "SH", implementation_version_name, ' ');
  if (!meta.source_ae_title.empty()) append_text(out, 0x0016, "AE", meta.source_ae_title, ' ');
  return out;
}

}  // namespace

std::string without_padding(std::string_view text) {
  constexpr std::string_view padding(" \0", 2);
  const auto first = text.find_first_not_of(padding);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(padding) - first + 1));
}

bool is_valid_uid(std::string_view text) {
  if (text.empty() || text.size() > max_uid_length) return false;
  bool after_dot = true;  // a component may neither be empty at the start
  for (const char c : text) {
    if (c != '.' && (c < '0' || c > '9')) return false;
    if (c == '.' && after_dot) return false;
    after_dot = c == '.';
  }
  return !after_dot;
}

std::vector<std::uint8_t> part10_header(const FileMeta& meta) {
  std::vector<std::uint8_t> out(preamble_bytes, 0);
  for (const char c : std::string_view("DICM")) out.push_back(static_cast<std::uint8_t>(c));
  const auto elements = meta_elements(meta);
  for (const std::uint8_t byte : {0x02, 0x00, 0x00, 0x00, 0x55, 0x4c, 0x04, 0x00}) out.push_back(byte);  // UL
  append_u32(out, elements.size());
  out.insert(out.end(), elements.begin(), elements.end());
  return out;
}

}  // namespace metserve::dicom
