#include "dicom/store_scu_association.h"

#include <memory>
#include <utility>

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include "dicom/error.h"
#include "dicom/network_log.h"
#include "dicom/part10.h"
#include "dicom/store_status.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t max_ae_title = 16;
constexpr std::size_t max_address = 63;  ///< "host:port" in DCMTK

void check(const Peer& peer, const std::string& address) {
  const auto require = [&](bool valid, const std::string& what) {
    if (!valid) throw Error(Error::Kind::bad_input, "peer " + address + ": " + what);
  };
  for (const auto& title : {peer.called_ae_title, peer.calling_ae_title})
    require(!title.empty() && title.size() <= max_ae_title, "an AE title must have 1 to 16 characters");
  require(!peer.host.empty() && peer.port != 0, "host and port must be given");
  require(address.size() <= max_address && peer.host.find(':') == std::string::npos,
          "the host must be a name or an IPv4 address, with the port at most 63 characters");
}

/// Files that are wrong at the moment are a matter of trying again: they may just be exchanged.
std::shared_ptr<const Tls> client_tls(const Peer& peer) {
  if (!peer.tls) return nullptr;
  try {
    return std::make_shared<const Tls>(Tls::Role::client, *peer.tls);
  } catch (const Error& error) {
    throw Error(Error::Kind::peer_transient,
                peer.called_ae_title + " at " + peer.host + ": no association: " + error.what());
  }
}

T_ASC_Parameters* make_parameters(const Peer& peer, const std::string& address,
                                  const std::vector<ProposedContext>& contexts) {
  T_ASC_Parameters* parameters = nullptr;
  ASC_createAssociationParameters(&parameters, ASC_MAXIMUMPDUSIZE);
  OFStandard::strlcpy(parameters->ourImplementationClassUID, implementation_class_uid.data(),
                      sizeof parameters->ourImplementationClassUID);
  OFStandard::strlcpy(parameters->ourImplementationVersionName, implementation_version_name.data(),
                      sizeof parameters->ourImplementationVersionName);
  ASC_setAPTitles(parameters, peer.calling_ae_title.c_str(), peer.called_ae_title.c_str(), nullptr);
  ASC_setPresentationAddresses(parameters, "localhost", address.c_str());
  int id = 1;
  for (const auto& context : contexts) {
    const char* syntax = context.transfer_syntax_uid.c_str();
    ASC_addPresentationContext(parameters, static_cast<T_ASC_PresentationContextID>(id),
                               context.sop_class_uid.c_str(), &syntax, 1);
    id += 2;
  }
  return parameters;
}

[[noreturn]] void throw_rejection(const std::string& peer, T_ASC_Parameters* parameters) {
  T_ASC_RejectParameters rejection{};
  ASC_getRejectParameters(parameters, &rejection);
  std::string reason = "it rejects the association";
  if (rejection.reason == ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED)
    reason += ": called AE title not recognised";
  else if (rejection.reason == ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED)
    reason += ": calling AE title not recognised";
  else if (rejection.reason == ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED)
    reason += ": local limit exceeded";
  else if (rejection.reason == ASC_REASON_SP_PRES_TEMPORARYCONGESTION)
    reason += ": temporary congestion";
  const bool for_good = rejection.result == ASC_RESULT_REJECTEDPERMANENT;
  throw Error(for_good ? Error::Kind::peer_permanent : Error::Kind::peer_transient, peer + ": " + reason);
}

std::string reason_of(const SendResult& result) {
  const bool refused = result.outcome != SendResult::Outcome::delivered;
  return (refused ? "refused with status " : "stored with warning ") + text_of(result.status);
}

std::string comment_in(DcmDataset* detail) {
  OFString comment;
  if (detail != nullptr) detail->findAndGetOFString(DCM_ErrorComment, comment);
  return printable(comment.c_str());
}

}  // namespace

OutgoingFile read_outgoing_file(const std::filesystem::path& path) {
  DcmFileFormat file;  // long values stay on disk
  const auto condition = file.loadFile(OFFilename(path.c_str()));
  if (condition.bad())
    throw Error(Error::Kind::io, path.string() + ": cannot be read to be sent: " + condition.text());
  auto& dataset = *file.getDataset();
  const auto uid_of = [&](const DcmTagKey& tag) {
    const char* value = nullptr;
    dataset.findAndGetString(tag, value);
    auto uid = without_padding(value == nullptr ? "" : value);
    if (!is_valid_uid(uid))
      throw Error(Error::Kind::bad_input, path.string() + ": has no valid SOP class and instance UID");
    return uid;
  };
  return {path,
          {uid_of(DCM_SOPClassUID), DcmXfer(dataset.getOriginalXfer()).getXferID()},
          uid_of(DCM_SOPInstanceUID)};
}

OutgoingAssociation::OutgoingAssociation(const Peer& peer, const std::vector<ProposedContext>& contexts)
    : peer_name_(peer.called_ae_title + " at " + peer.host + ":" + std::to_string(peer.port)),
      response_timeout_s_(static_cast<int>(peer.response_timeout.count())),
      clock_{.timeout = peer.response_timeout},
      layer_(clock_, client_tls(peer), peer.host),
      network_(requestor_network(layer_, response_timeout_s_)) {
  const auto address = peer.host + ":" + std::to_string(peer.port);
  check(peer, address);
  dcmConnectionTimeout.set(static_cast<Sint32>(peer.connect_timeout.count()));  // of the process, in DCMTK
  auto* const parameters = make_parameters(peer, address, contexts);
  T_ASC_Association* requested = nullptr;
  const auto condition = ASC_requestAssociation(network_.get(), parameters, &requested, nullptr, nullptr,
                                                DUL_NOBLOCK, response_timeout_s_);
  association_.reset(requested);  // owns the parameters
  if (condition == DUL_ASSOCIATIONREJECTED) throw_rejection(peer_name_, parameters);
  if (condition.bad())
    throw Error(Error::Kind::peer_transient, peer_name_ + ": no association: " + condition.text());
}

OutgoingAssociation::~OutgoingAssociation() {
  if (!association_ || association_->DULassociation == nullptr) return;
  clock_.restart();
  if (broken_)
    abort_association(*association_, clock_);
  else
    ASC_releaseAssociation(association_.get());
}

void OutgoingAssociation::fail(const std::string& what, const OFCondition& condition) {
  broken_ = true;
  const char* const why =
      clock_.timed_out || condition == DIMSE_NODATAAVAILABLE ? "no answer in time" : condition.text();
  throw Error(Error::Kind::peer_transient, peer_name_ + ": " + what + ": " + why);
}

std::optional<std::uint8_t> OutgoingAssociation::accepted_context(const OutgoingFile& file) const {
  for (const auto& proposed : proposals_for(file.context)) {
    const auto id = ASC_findAcceptedPresentationContextID(association_.get(), proposed.sop_class_uid.c_str(),
                                                          proposed.transfer_syntax_uid.c_str());
    T_ASC_PresentationContext context{};
    if (id == 0 || ASC_findAcceptedPresentationContext(association_->params, id, &context).bad()) continue;
    if (proposed.transfer_syntax_uid == context.acceptedTransferSyntax) return id;
  }
  return std::nullopt;
}

SendResult OutgoingAssociation::store(const OutgoingFile& file) {
  SendResult result;
  result.file = file.path;
  result.sop_instance_uid = file.sop_instance_uid;
  result.reached = true;
  const auto context = accepted_context(file);
  if (!context) {
    result.outcome = SendResult::Outcome::permanent;
    result.reason = peer_name_ + ": accepts no presentation context for " +
                    dcmFindNameOfUID(file.context.sop_class_uid.c_str(), "its SOP class") + " in " +
                    dcmFindNameOfUID(file.context.transfer_syntax_uid.c_str(), "its transfer syntax");
    return result;
  }
  T_DIMSE_C_StoreRQ request{};
  request.MessageID = association_->nextMsgID++;
  request.Priority = DIMSE_PRIORITY_MEDIUM;
  OFStandard::strlcpy(request.AffectedSOPClassUID, file.context.sop_class_uid.c_str(),
                      sizeof request.AffectedSOPClassUID);
  OFStandard::strlcpy(request.AffectedSOPInstanceUID, file.sop_instance_uid.c_str(),
                      sizeof request.AffectedSOPInstanceUID);
  T_DIMSE_C_StoreRSP response{};
  DcmDataset* detail = nullptr;
  clock_.restart();
  const auto condition =
      DIMSE_storeUser(association_.get(), *context, &request, file.path.c_str(), nullptr, nullptr, nullptr,
                      DIMSE_NONBLOCKING, response_timeout_s_, &response, &detail);
  const std::unique_ptr<DcmDataset> owned(detail);
  if (condition.bad()) fail("sending " + file.path.filename().string(), condition);
  result.status = response.DimseStatus;
  result.outcome = outcome_of(result.status);
  if (result.status != STATUS_Success) {
    result.reason = peer_name_ + ": " + reason_of(result);
    result.comment = comment_in(detail);
  }
  return result;
}

std::uint8_t OutgoingAssociation::accepted_context(const std::string& sop_class_uid) const {
  const auto id = ASC_findAcceptedPresentationContextID(association_.get(), sop_class_uid.c_str());
  if (id == 0)
    throw Error(Error::Kind::peer_permanent, peer_name_ + ": accepts no presentation context for " +
                                                 dcmFindNameOfUID(sop_class_uid.c_str(), "the SOP class"));
  return id;
}

std::uint16_t OutgoingAssociation::action(const SopReference& instance, std::uint16_t type,
                                          DcmDataset& information) {
  auto context = accepted_context(instance.sop_class_uid);
  T_DIMSE_Message message{};
  message.CommandField = DIMSE_N_ACTION_RQ;
  auto& request = message.msg.NActionRQ;
  request.MessageID = association_->nextMsgID++;
  OFStandard::strlcpy(request.RequestedSOPClassUID, instance.sop_class_uid.c_str(),
                      sizeof request.RequestedSOPClassUID);
  OFStandard::strlcpy(request.RequestedSOPInstanceUID, instance.sop_instance_uid.c_str(),
                      sizeof request.RequestedSOPInstanceUID);
  request.ActionTypeID = type;
  request.DataSetType = DIMSE_DATASET_PRESENT;
  clock_.restart();
  auto condition = DIMSE_sendMessageUsingMemoryData(association_.get(), context, &message, nullptr,
                                                    &information, nullptr, nullptr);
  if (condition.bad()) fail("N-ACTION", condition);
  DcmDataset* detail = nullptr;
  condition = DIMSE_receiveCommand(association_.get(), DIMSE_NONBLOCKING, response_timeout_s_, &context,
                                   &message, &detail);
  const std::unique_ptr<DcmDataset> owned(detail);
  if (condition.bad()) fail("N-ACTION", condition);
  if (message.CommandField != DIMSE_N_ACTION_RSP) fail("N-ACTION", DIMSE_BADCOMMANDTYPE);
  return message.msg.NActionRSP.DimseStatus;
}

std::uint16_t OutgoingAssociation::echo() {
  DIC_US status = 0;
  DcmDataset* detail = nullptr;
  clock_.restart();
  const auto condition = DIMSE_echoUser(association_.get(), association_->nextMsgID++, DIMSE_NONBLOCKING,
                                        response_timeout_s_, &status, &detail);
  const std::unique_ptr<DcmDataset> owned(detail);
  if (condition.bad()) fail("C-ECHO", condition);
  return status;
}

}  // namespace metserve::dicom
