#include "server/destination.h"

#include "dicom/storage_commitment.h"
#include "server/stow_rs.h"

namespace metserve::server {
namespace {

/// Storage SCU, Verification SCU and Storage Commitment SCU (PS3.4 annexes B, A and J).
class DicomNode final : public Destination {
 public:
  DicomNode(const DestinationConfig& config, const std::string& calling_ae_title) {
    peer_.host = config.host;
    peer_.port = config.port;
    peer_.called_ae_title = config.ae_title;
    peer_.calling_ae_title = calling_ae_title;
    peer_.tls = config.tls;
  }

  std::vector<dicom::SendResult> send(const std::vector<std::filesystem::path>& files,
                                      const std::stop_token& stop) override {
    return dicom::send_instances(peer_, files, stop);
  }

  void request_commitment(const std::string& transaction_uid,
                          const std::vector<dicom::SopReference>& instances) override {
    dicom::request_commitment(peer_, transaction_uid, instances);
  }

  std::string verify() override {
    dicom::verify_peer(peer_);
    return peer_.called_ae_title + " at " + peer_.host + " port " + std::to_string(peer_.port) +
           " answers C-ECHO";
  }

 private:
  dicom::Peer peer_;
};

}  // namespace

std::unique_ptr<Destination> make_destination(const DestinationConfig& config,
                                              const std::string& calling_ae_title) {
  if (!config.url.empty()) return std::make_unique<WebArchive>(config);
  return std::make_unique<DicomNode>(config, calling_ae_title);
}

}  // namespace metserve::server
