#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/destination.h"
#include "server/http_client.h"

namespace metserve::server {

/// What the answer to a Store transaction (PS3.18 section 10.5.3) says of each object, in order. `status`: of
/// HTTP; `body`: application/dicom+json or application/dicom+xml, or anything that came in its place.
/// Delivered is only what it names as stored. `archive`: stands before the reasons.
std::vector<dicom::SendResult> stow_results(const std::vector<dicom::SopReference>& objects, unsigned status,
                                            std::string_view body, const std::string& archive);

/// A DICOMweb archive: STOW-RS. Has no storage commitment: its answer speaks of each object.
class WebArchive final : public Destination {
 public:
  explicit WebArchive(const DestinationConfig& config);

  /// All of them in one request: when `stop` interrupts it there is a result for none.
  std::vector<dicom::SendResult> send(const std::vector<std::filesystem::path>& files,
                                      const std::stop_token& stop) override;
  void request_commitment(const std::string& transaction_uid,
                          const std::vector<dicom::SopReference>& instances) override;
  std::string verify() override;

 private:
  HttpCall prepared(const std::string& method, const std::string& target) const;

  std::string url_;
  std::filesystem::path ca_file_, authorization_file_;
};

}  // namespace metserve::server
