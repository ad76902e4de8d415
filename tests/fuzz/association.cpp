#include "tests/fuzz/association.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dul.h>
#include <sys/socket.h>

#include "dicom/part10.h"
#include "dicom/runtime.h"
#include "dicom/store_scp_association.h"
#include "tests/fuzz/scratch.h"

namespace metserve::fuzz {
namespace {

dicom::StoreScpOptions options() {
  dcmDisableGethostbyaddr.set(OFTrue);  // as dicom::StoreScp does
  dicom::StoreScpOptions options;
  options.require_called_ae_title = false;
  options.max_dataset_bytes = 1 << 20;
  return options;
}

dicom::StoreStatus take(dicom::ReceivedInstance&& instance) {
  require(dicom::is_valid_uid(instance.sop_instance_uid) &&
          dicom::is_valid_uid(instance.study_instance_uid) &&
          dicom::is_valid_uid(instance.series_instance_uid));
  require(instance.part10.size() > 132);
  return dicom::StoreStatus::success;
}

}  // namespace

void serve(std::vector<std::uint8_t> request, std::span<const std::uint8_t> after) {
  static const dicom::Runtime runtime;
  static const dicom::StoreScpOptions scp = options();
  static const dicom::StoreHandler handler = take;
  static dicom::StoreScpTallies tallies;
  static const dicom::CommitmentHandler on_commitment = [](const dicom::CommitmentReport& report) {
    require(!report.transaction_uid.empty());
    return true;
  };
  static dicom::BufferBudget buffers(scp.max_dataset_bytes * 4);
  static dicom::PeerLog log(20);
  static const dicom::StoreScpContext context{scp, handler, on_commitment, tallies, buffers, log, log, -1};
  int ends[2] = {-1, -1};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const dicom::FileDescriptor peer(ends[0]);
  // One thread plays both sides: what does not fit the socket's buffer is cut off.
  (void)!::send(peer.get(), after.data(), after.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(peer.get(), SHUT_WR);
  dicom::serve_association({.socket = dicom::FileDescriptor(ends[1]),
                            .start = {std::move(request), {}},
                            .peer_address = "127.0.0.1",
                            .number = 1},
                           context);
}

std::vector<std::uint8_t> pdu(std::uint8_t type, std::span<const std::uint8_t> content) {
  const auto size = static_cast<std::uint32_t>(content.size());
  std::vector<std::uint8_t> out = {type, 0};
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(size >> shift & 0xff));
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

}  // namespace metserve::fuzz
