#include "dicom/store_scp_association.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <span>

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include "dicom/associate_request.h"
#include "dicom/error.h"
#include "dicom/network_log.h"
#include "dicom/part10.h"
#include "dicom/presentation_contexts.h"
#include "dicom/store_scp_instance.h"
#include "dicom/store_scp_message.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t max_error_comment = 64;        // LO
constexpr std::size_t max_expected_bytes = 4 << 20;  ///< larger images find their memory as they come
constexpr std::size_t max_report_bytes = 4 << 20;    ///< of storage commitment: some 20,000 instances
constexpr int release_timeout_s = 1;                 ///< for the peer to close, which is its part

/// Says a UID of the peer's back, whatever it is; but DCMTK takes "=..." for a name, and loses memory over
/// one that it does not know.
void repeat_uid(const std::string& uid, DIC_UI& to) {
  OFStandard::strlcpy(to, uid.c_str(), sizeof to);
  if (to[0] == '=') to[0] = '?';
}

class IncomingAssociation {
 public:
  IncomingAssociation(IncomingConnection connection, const StoreScpContext& context)
      : context_(context),
        peer_address_(std::move(connection.peer_address)),
        number_(connection.number),
        clock_{.timeout = context.options.pdu_timeout,
               .stop_grace = context.options.stop_grace,
               .stop_event = context.stop_event},
        certificate_(peer_certificate(connection.start.session.get())),
        layer_(clock_, std::move(connection.start)),
        dcmtk_(receive_association(std::move(connection.socket), layer_, context.options.max_pdu_bytes)) {
    char calling[DUL_LEN_TITLE + 1] = {}, called[DUL_LEN_TITLE + 1] = {}, responding[DUL_LEN_TITLE + 1] = {};
    ASC_getAPTitles(association().params, calling, sizeof calling, called, sizeof called, responding,
                    sizeof responding);
    calling_ae_title_ = without_padding(calling);
    called_ae_title_ = without_padding(called);
  }

  void serve() {
    if (const auto reason = rejection()) return reject(*reason);
    accept();
    tell(AssociationEvent::Kind::opened);
    try {
      serve_messages();
    } catch (const std::exception& error) {
      warn("ended: " + printable(error.what()));
      abort_association(association(), clock_);
    }
    tell(AssociationEvent::Kind::closed);
  }

 private:
  T_ASC_Association& association() { return *dcmtk_.association; }

  std::string who() const {
    return "association " + std::to_string(number_) + " of " + printable(calling_ae_title_) + " at " +
           peer_address_;
  }

  void warn(const std::string& what) const { context_.log.warn(peer_address_, who() + " " + what); }

  void tell(AssociationEvent::Kind kind, const std::string& reason = {}) const {
    if (!context_.options.on_association) return;
    context_.options.on_association({kind, number_, calling_ae_title_, called_ae_title_, peer_address_,
                                     common_name(certificate_), reason});
  }

  std::optional<T_ASC_RejectParametersReason> rejection() const {
    const auto& options = context_.options;
    if (options.require_called_ae_title && called_ae_title_ != options.ae_title)
      return ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED;
    const auto& callers = options.callers;
    const auto is_this = [&](const Caller& caller) { return may_be(caller); };
    if (!callers.empty() && std::none_of(callers.begin(), callers.end(), is_this))
      return ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED;
    return std::nullopt;
  }

  bool may_be(const Caller& caller) const {
    const auto& from = caller.addresses;
    return caller.ae_title == calling_ae_title_ &&
           (caller.certificate.empty() || bears_name(certificate_, caller.certificate)) &&
           (from.empty() || std::any_of(from.begin(), from.end(), [&](const AddressRange& range) {
              return range.contains(peer_address_);
            }));
  }

  void reject(T_ASC_RejectParametersReason reason) {
    const T_ASC_RejectParameters parameters = {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, reason};
    ++context_.tallies.rejected;
    const auto why = reason == ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED
                         ? "it calls " + printable(called_ae_title_)
                         : "its AE title is not allowed, or not from its address or with its certificate";
    warn("rejected: " + why);
    tell(AssociationEvent::Kind::rejected, why);
    clock_.restart();
    ASC_rejectAssociation(&association(), &parameters);
    ASC_dropSCPAssociation(&association(), release_timeout_s);
  }

  void accept() {
    auto& parameters = *association().params;
    OFStandard::strlcpy(parameters.ourImplementationClassUID, implementation_class_uid.data(),
                        sizeof parameters.ourImplementationClassUID);
    OFStandard::strlcpy(parameters.ourImplementationVersionName, implementation_version_name.data(),
                        sizeof parameters.ourImplementationVersionName);
    answer_presentation_contexts(parameters, static_cast<bool>(context_.on_commitment));
    clock_.restart();
    const auto condition = ASC_acknowledgeAssociation(&association());
    if (condition.bad()) throw Error(Error::Kind::peer_transient, who() + ": " + condition.text());
    ++context_.tallies.accepted;
  }

  void serve_messages() {
    const auto& options = context_.options;
    MessageReader reader(association(), clock_,
                         {options.idle_timeout, options.association_timeout, options.min_bytes_per_second,
                          options.max_dataset_bytes});
    while (const auto command = reader.next_command()) serve_command(reader, *command);
    if (clock_.stopped) return abort_association(association(), clock_);
    clock_.restart();
    ASC_acknowledgeRelease(&association());
    ASC_dropSCPAssociation(&association(), release_timeout_s);
  }

  void serve_command(MessageReader& reader, const Command& command) {
    if (command.field == c_echo_request && !command.has_dataset) return echo(command);
    if (command.field == c_store_request && command.has_dataset) return store(reader, command);
    if (command.field == n_event_report_request && command.has_dataset && context_.on_commitment)
      return commitment_report(reader, command);
    if (command.field != c_cancel_request)
      throw Error(Error::Kind::peer_transient,
                  "command " + std::to_string(command.field) + " is not for here");
  }

  void echo(const Command& command) {
    T_DIMSE_C_EchoRQ request{};
    request.MessageID = command.message_id;
    OFStandard::strlcpy(request.AffectedSOPClassUID, UID_VerificationSOPClass,
                        sizeof request.AffectedSOPClassUID);
    check_sent(DIMSE_sendEchoResponse(&association(), command.presentation_context, &request, STATUS_Success,
                                      nullptr));
  }

  T_ASC_PresentationContext accepted_context(const Command& command) {
    T_ASC_PresentationContext presentation{};
    if (ASC_findAcceptedPresentationContext(association().params, command.presentation_context, &presentation)
            .bad())
      throw Error(Error::Kind::peer_transient, "a message in a presentation context that was not accepted");
    return presentation;
  }

  void commitment_report(MessageReader& reader, const Command& command) {
    const auto presentation = accepted_context(command);
    if (std::string_view(presentation.abstractSyntax) != UID_StorageCommitmentPushModelSOPClass)
      throw Error(Error::Kind::peer_transient, "N-EVENT-REPORT in another SOP class's presentation context");
    std::vector<std::uint8_t> dataset;
    BufferShare share(context_.buffers, host_of(peer_address_));
    const bool complete = reader.read_dataset(command, dataset, share) == DatasetEnd::complete;
    std::uint16_t status = STATUS_N_ProcessingFailure;
    try {
      if (!complete || dataset.size() > max_report_bytes)
        throw Error(Error::Kind::bad_input, "a storage commitment report that is too large");
      auto report = read_commitment_report(dataset, presentation.acceptedTransferSyntax);
      report.calling_ae_title = calling_ae_title_;
      status = context_.on_commitment(report) ? STATUS_Success : STATUS_N_NoSuchSOPInstance;
    } catch (const std::exception& error) {
      context_.refusal_log.warn(peer_address_,
                                who() + ": storage commitment report refused: " + printable(error.what()));
    }
    check_sent(answer_event_report(association(), command.presentation_context, command.message_id, status));
  }

  void store(MessageReader& reader, const Command& command) {
    const auto presentation = accepted_context(command);
    ReceivedInstance instance;
    instance.calling_ae_title = calling_ae_title_;
    instance.peer_address = peer_address_;
    instance.association = number_;
    instance.sop_class_uid = command.sop_class_uid;
    instance.sop_instance_uid = command.sop_instance_uid;
    instance.transfer_syntax_uid = presentation.acceptedTransferSyntax;
    instance.part10 = part10_header(
        {command.sop_class_uid, command.sop_instance_uid, instance.transfer_syntax_uid, calling_ae_title_});
    const auto header_bytes = instance.part10.size();
    instance.part10.reserve(expected_bytes_);
    BufferShare share(context_.buffers, host_of(peer_address_));
    const auto end = reader.read_dataset(command, instance.part10, share);
    keep_no_more_than_needed(instance.part10);
    const auto dataset_bytes = end == DatasetEnd::complete ? instance.part10.size() - header_bytes : 0;
    StoreAnswer answer;
    try {
      check_end(end);
      check_command(command, presentation.abstractSyntax);
      identify(instance, std::span(instance.part10).subspan(header_bytes),
               context_.options.max_dataset_bytes);
      answer.status = context_.handler(std::move(instance));
    } catch (...) {
      answer = answer_for_current_exception();
    }
    count(command, answer, dataset_bytes);
    respond(command, answer);
  }

  static void check_end(DatasetEnd end) {
    if (end == DatasetEnd::too_large)
      throw StoreRefusal(StoreStatus::out_of_resources, "dataset is too large for this node");
    if (end == DatasetEnd::no_room)
      throw StoreRefusal(StoreStatus::out_of_resources, "too much is being received at this moment");
  }

  /// The handler may keep the bytes for long. Images of a series are of one size, mostly.
  void keep_no_more_than_needed(std::vector<std::uint8_t>& part10) {
    const bool small = part10.size() <= max_expected_bytes;  // of a large one the rest was never touched
    if (small && part10.capacity() - part10.size() > part10.size() / 8) part10.shrink_to_fit();
    expected_bytes_ = std::min(part10.size() + 256, max_expected_bytes);
  }

  void count(const Command& command, const StoreAnswer& answer, std::size_t dataset_bytes) {
    if (answer.status == StoreStatus::success) {
      ++context_.tallies.instances;
      context_.tallies.bytes += dataset_bytes;
      return;
    }
    ++context_.tallies.refused;
    std::array<char, 8> status{};
    std::snprintf(status.data(), status.size(), "0x%04X", static_cast<unsigned>(answer.status));
    const auto why = answer.reason.empty() ? "decided by the receiver of instances" : answer.reason;
    context_.refusal_log.warn(peer_address_, who() + ": refused " + printable(command.sop_instance_uid) +
                                                 " with " + status.data() + ": " + printable(why));
  }

  void respond(const Command& command, const StoreAnswer& answer) {
    T_DIMSE_C_StoreRQ request{};
    request.MessageID = command.message_id;
    repeat_uid(command.sop_class_uid, request.AffectedSOPClassUID);
    repeat_uid(command.sop_instance_uid, request.AffectedSOPInstanceUID);
    T_DIMSE_C_StoreRSP response{};
    response.DimseStatus = static_cast<DIC_US>(answer.status);
    DcmDataset detail;
    if (answer.peer_may_know)
      detail.putAndInsertString(DCM_ErrorComment,
                                printable(answer.reason).substr(0, max_error_comment).c_str());
    check_sent(DIMSE_sendStoreResponse(&association(), command.presentation_context, &request, &response,
                                       answer.peer_may_know ? &detail : nullptr));
  }

  static OFCondition answer_event_report(T_ASC_Association& association, std::uint8_t context,
                                         std::uint16_t message_id, std::uint16_t status) {
    T_DIMSE_Message message{};
    message.CommandField = DIMSE_N_EVENT_REPORT_RSP;
    message.msg.NEventReportRSP.MessageIDBeingRespondedTo = message_id;
    message.msg.NEventReportRSP.DimseStatus = status;
    message.msg.NEventReportRSP.DataSetType = DIMSE_DATASET_NULL;
    return DIMSE_sendMessageUsingMemoryData(&association, context, &message, nullptr, nullptr, nullptr,
                                            nullptr);
  }

  void check_sent(const OFCondition& condition) const {
    if (condition.bad())
      throw Error(Error::Kind::peer_transient, std::string("response not sent: ") + condition.text());
  }

  const StoreScpContext& context_;
  std::string peer_address_;
  std::uint64_t number_;
  ConnectionClock clock_;
  PeerCertificate certificate_;
  TimedTransportLayer layer_;
  IncomingRequest dcmtk_;
  std::string calling_ae_title_, called_ae_title_;
  std::size_t expected_bytes_ = 0;  ///< of the next image
};

/// Nothing for a request that is malformed, which counts as rejected.
std::unique_ptr<IncomingAssociation> receive(IncomingConnection connection, const StoreScpContext& context) {
  AssociationEvent rejected;
  rejected.peer_address = connection.peer_address;
  rejected.certificate = common_name(peer_certificate(connection.start.session.get()));
  try {
    check_associate_request(connection.start.received);
    return std::make_unique<IncomingAssociation>(std::move(connection), context);
  } catch (const std::exception& error) {
    rejected.reason = printable(error.what());
  }
  ++context.tallies.rejected;
  context.log.warn(rejected.peer_address,
                   "connection from " + rejected.peer_address + " ended: " + rejected.reason);
  if (context.options.on_association) context.options.on_association(rejected);
  return nullptr;
}

}  // namespace

void serve_association(IncomingConnection connection, const StoreScpContext& context) {
  const auto peer = connection.peer_address;
  try {
    if (const auto association = receive(std::move(connection), context)) association->serve();
  } catch (const std::exception& error) {
    context.log.warn(peer, "connection from " + peer + " ended: " + printable(error.what()));
  }
}

}  // namespace metserve::dicom
