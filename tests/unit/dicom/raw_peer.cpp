#include "tests/unit/dicom/raw_peer.h"

#include <algorithm>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace metserve::dicom::test {
namespace {

Bytes big_endian(std::size_t value, int bytes) {
  Bytes out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift & 0xff));
  return out;
}

Bytes little_endian(std::size_t value, int bytes) {
  auto out = big_endian(value, bytes);
  std::reverse(out.begin(), out.end());
  return out;
}

Bytes text(const std::string& value) {
  return {value.begin(), value.end()};
}

Bytes item(std::uint8_t type, const Bytes& content) {
  return Bytes{type, 0} + big_endian(content.size(), 2) + content;
}

Bytes pdu(std::uint8_t type, const Bytes& content) {
  return Bytes{type, 0} + big_endian(content.size(), 4) + content;
}

Bytes implicit_element(std::uint16_t number, const Bytes& value) {
  return Bytes{0, 0} + little_endian(number, 2) + little_endian(value.size(), 4) + value;
}

Bytes uid_value(const std::string& uid) {
  return text(uid.size() % 2 == 0 ? uid : uid + std::string(1, '\0'));
}

}  // namespace

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes associate_rq(const std::string& sop_class_uid, const std::string& transfer_syntax_uid,
                   const std::string& called_ae_title) {
  const auto title = [](std::string name) {
    name.resize(16, ' ');
    return text(name);
  };
  const auto context =
      Bytes{1, 0, 0, 0} + item(0x30, text(sop_class_uid)) + item(0x40, text(transfer_syntax_uid));
  const auto user = item(0x51, big_endian(16384, 4)) + item(0x52, text("1.2.3"));
  return pdu(0x01, Bytes{0, 1, 0, 0} + title(called_ae_title) + title("RAW") + Bytes(32, 0) +
                       item(0x10, text("1.2.840.10008.3.1.1.1")) + item(0x20, context) + item(0x50, user));
}

Bytes p_data(const Bytes& fragment, bool command, bool last) {
  const auto flags = static_cast<std::uint8_t>((command ? 1 : 0) | (last ? 2 : 0));
  return pdu(0x04, big_endian(fragment.size() + 2, 4) + Bytes{1, flags} + fragment);
}

Bytes store_command(const std::string& sop_class_uid, const std::string& sop_instance_uid) {
  const auto body =
      implicit_element(0x0002, uid_value(sop_class_uid)) +
      implicit_element(0x0100, little_endian(0x0001, 2)) +
      implicit_element(0x0110, little_endian(0x2001, 2)) + implicit_element(0x0700, little_endian(0, 2)) +
      implicit_element(0x0800, little_endian(0, 2)) + implicit_element(0x1000, uid_value(sop_instance_uid));
  return implicit_element(0x0000, little_endian(body.size(), 4)) + body;
}

Bytes element(std::uint16_t group, std::uint16_t number, const std::string& vr, std::string value) {
  if (value.size() % 2 != 0) value += vr == "UI" ? '\0' : ' ';
  return little_endian(group, 2) + little_endian(number, 2) + text(vr) + little_endian(value.size(), 2) +
         text(value);
}

RawPeer::RawPeer(std::uint16_t port, const std::string& from)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, from.c_str(), &address.sin_addr);
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(from + " is not ours");
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("nothing listens");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

RawPeer::~RawPeer() {
  ::close(socket_);
}

void RawPeer::send(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

bool RawPeer::receive(std::uint8_t* to, std::size_t bytes) {
  while (bytes > 0) {
    pollfd event{socket_, POLLIN, 0};
    if (::poll(&event, 1, 60'000) <= 0) return false;
    const auto count = ::recv(socket_, to, bytes, 0);
    if (count <= 0) return false;
    to += count;
    bytes -= static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<std::pair<std::uint8_t, Bytes>> RawPeer::receive_pdu() {
  Bytes head(6);
  if (!receive(head.data(), head.size())) return std::nullopt;
  Bytes body(std::size_t{head[2]} << 24 | std::size_t{head[3]} << 16 | std::size_t{head[4]} << 8 | head[5]);
  if (!receive(body.data(), body.size())) return std::nullopt;
  return std::pair(head[0], body);
}

bool RawPeer::is_closed_within(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd event{socket_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&event, 1, static_cast<int>(left.count())) <= 0) return false;
    Bytes ignored(4096);
    if (::recv(socket_, ignored.data(), ignored.size(), 0) <= 0) return true;
  }
}

bool RawPeer::associate(const std::string& sop_class_uid, const std::string& transfer_syntax_uid) {
  send(associate_rq(sop_class_uid, transfer_syntax_uid));
  const auto answer = receive_pdu();
  return answer && answer->first == 0x02;
}

std::optional<std::uint16_t> RawPeer::store(const std::string& sop_class_uid,
                                            const std::string& sop_instance_uid, const Bytes& dataset) {
  send(p_data(store_command(sop_class_uid, sop_instance_uid), true, true));
  constexpr std::size_t fragment_bytes = 4000;
  std::size_t sent = 0;
  do {
    const auto end = std::min(sent + fragment_bytes, dataset.size());
    const Bytes fragment(dataset.begin() + static_cast<std::ptrdiff_t>(sent),
                         dataset.begin() + static_cast<std::ptrdiff_t>(end));
    send(p_data(fragment, false, end == dataset.size()));
    sent = end;
  } while (sent < dataset.size());
  return receive_store_status();
}

std::optional<std::uint16_t> RawPeer::receive_store_status() {
  const auto answer = receive_pdu();
  if (!answer || answer->first != 0x04) return std::nullopt;
  const Bytes status_head = Bytes{0, 0, 0, 9} + little_endian(2, 4);
  const auto found =
      std::search(answer->second.begin(), answer->second.end(), status_head.begin(), status_head.end());
  if (answer->second.end() - found < 10) return std::nullopt;
  return static_cast<std::uint16_t>(found[8] | found[9] << 8);
}

}  // namespace metserve::dicom::test
