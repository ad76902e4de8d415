#include "dicom/associate_request.h"

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <string>

#include "dicom/error.h"
#include "dicom/part10.h"

namespace metserve::dicom {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t pdu_head_bytes = 6, item_head_bytes = 4;
constexpr std::size_t fixed_fields_bytes = 68;  ///< protocol version, AE titles, reserved
constexpr std::size_t called_title_at = pdu_head_bytes + 4, calling_title_at = called_title_at + 16,
                      title_bytes = 16;
constexpr std::size_t max_name_bytes = 16;  ///< implementation version name
constexpr int max_contexts = 128;

[[noreturn]] void malformed(const std::string& what) {
  throw Error(Error::Kind::peer_transient, "association request: " + what);
}

void require(bool holds, const char* what) {
  if (!holds) malformed(what);
}

std::size_t u16(Bytes bytes, std::size_t at) {
  return std::size_t{bytes[at]} << 8 | bytes[at + 1];
}

struct Item {
  std::uint8_t type = 0;
  Bytes content;
};

/// Takes the next item off the front.
Item take_item(Bytes& from) {
  require(from.size() >= item_head_bytes, "an item is cut off");
  const std::size_t length = u16(from, 2);
  require(from.size() - item_head_bytes >= length, "an item is longer than what holds it");
  const Item item = {from[0], from.subspan(item_head_bytes, length)};
  from = from.subspan(item_head_bytes + length);
  return item;
}

/// Some pad with zero bytes instead of spaces.
void require_title(Bytes title) {
  const auto end = std::find(title.begin(), title.end(), 0);
  require(std::any_of(title.begin(), end, [](std::uint8_t c) { return c != ' '; }), "an AE title is empty");
}

void require_uid(Bytes uid) {
  const std::string text(uid.begin(), uid.end());
  require(is_valid_uid(without_padding(text)), "a UID is malformed");
}

void check_context(Bytes content, std::bitset<256>& numbers) {
  require(content.size() >= 4, "a presentation context is cut off");
  const std::uint8_t number = content[0];
  require(number % 2 == 1 && !numbers[number], "a presentation context's number is even or used twice");
  numbers.set(number);
  int abstract_syntaxes = 0, transfer_syntaxes = 0;
  for (Bytes left = content.subspan(4); !left.empty();) {
    const Item item = take_item(left);
    require(item.type == 0x30 || item.type == 0x40, "a presentation context holds something else");
    require_uid(item.content);
    ++(item.type == 0x30 ? abstract_syntaxes : transfer_syntaxes);
  }
  require(abstract_syntaxes == 1 && transfer_syntaxes >= 1,
          "a presentation context needs one abstract syntax and a transfer syntax");
}

/// A UID with its length before it, and what follows; `least` bytes of that at least.
void check_led_by_uid(Bytes content, std::size_t least) {
  require(content.size() >= 2 && content.size() - 2 >= u16(content, 0) + least,
          "a negotiation item is cut off");
  require_uid(content.subspan(2, u16(content, 0)));
}

void check_extended_negotiation(Bytes content) {
  check_led_by_uid(content, 0);
}

/// PS3.7 section D.3.3.6: service class and related general SOP classes, each with its length before it.
void check_common_extended_negotiation(Bytes content) {
  check_led_by_uid(content, 2);
  content = content.subspan(2 + u16(content, 0));
  check_led_by_uid(content, 2);
  content = content.subspan(2 + u16(content, 0));
  require(u16(content, 0) == content.size() - 2, "related SOP classes do not add up");
  for (Bytes left = content.subspan(2); !left.empty(); left = left.subspan(2 + u16(left, 0)))
    check_led_by_uid(left, 0);
}

/// PS3.7 section D.3.3.7: type, whether an answer is wanted, two fields with their lengths before them.
void check_user_identity(Bytes content) {
  require(content.size() >= 6, "a user identity is cut off");
  const std::size_t primary = u16(content, 2);
  require(content.size() >= 6 + primary, "a user identity is cut off");
  require(content.size() == 6 + primary + u16(content, 4 + primary), "a user identity does not add up");
}

void check_user_information(Bytes content) {
  for (Bytes left = content; !left.empty();) {
    const Item item = take_item(left);
    switch (item.type) {
      case 0x51:  // maximum length
      case 0x53:  // asynchronous operations window
        require(item.content.size() == 4, "a user item has another length than four");
        break;
      case 0x52:  // implementation class
        require_uid(item.content);
        break;
      case 0x54:  // role selection
        check_led_by_uid(item.content, 2);
        require(item.content.size() == u16(item.content, 0) + 4, "a role selection does not add up");
        break;
      case 0x55:  // implementation version name
        require(item.content.size() <= max_name_bytes, "the implementation's version name is too long");
        break;
      case 0x56:
        check_extended_negotiation(item.content);
        break;
      case 0x57:
        check_common_extended_negotiation(item.content);
        break;
      case 0x58:
        check_user_identity(item.content);
        break;
      default:
        break;  // PS3.8 section 9.3.1: what is not known is ignored
    }
  }
}

}  // namespace

void check_associate_request(Bytes pdu) {
  require(pdu.size() >= pdu_head_bytes + fixed_fields_bytes, "it is cut off");
  require_title(pdu.subspan(called_title_at, title_bytes));
  require_title(pdu.subspan(calling_title_at, title_bytes));
  int applications = 0, contexts = 0, users = 0;
  std::bitset<256> numbers;
  for (Bytes left = pdu.subspan(pdu_head_bytes + fixed_fields_bytes); !left.empty();) {
    const Item item = take_item(left);
    if (item.type == 0x10) {
      require_uid(item.content);
      ++applications;
    } else if (item.type == 0x20) {
      check_context(item.content, numbers);
      ++contexts;
    } else if (item.type == 0x50) {
      check_user_information(item.content);
      ++users;
    } else {
      require(item.type != 0x21, "it holds the answer to a presentation context");  // DCMTK would take it
    }
  }
  require(applications == 1 && users == 1, "it needs one application context and one user information item");
  require(contexts >= 1 && contexts <= max_contexts, "it proposes no or more than 128 presentation contexts");
}

}  // namespace metserve::dicom
