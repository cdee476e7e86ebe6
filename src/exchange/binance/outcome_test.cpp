#include "exchange/binance/outcome.h"

#include <gtest/gtest.h>

namespace quantum::binance {
namespace {

struct Answered {
  int status;
  const char* body;
  Verdict verdict;
  int code;
};

TEST(Outcome, OfAnAnswerIsDecidedByThisTable) {
  const Answered table[] = {
      {200, "{}", Verdict::kAccepted, 0},
      {400, R"({"code":-2019,"msg":"Margin is insufficient."})", Verdict::kRejected, -2019},
      {400, R"({"code":-2021,"msg":"Order would immediately trigger."})", Verdict::kRejected, -2021},
      {400, R"({"code":-2022,"msg":"ReduceOnly Order is rejected."})", Verdict::kRejected, -2022},
      {400, R"({"code":-1021,"msg":"Timestamp outside of recvWindow"})", Verdict::kRejected, -1021},
      {400, R"({"code":-1022,"msg":"Signature not valid"})", Verdict::kRejected, -1022},
      {400, R"({"code":-4164,"msg":"notional"})", Verdict::kRejected, -4164},
      {400, R"({"code":-5022,"msg":"post only"})", Verdict::kRejected, -5022},
      {400, R"({"code":-1015,"msg":"Too many new orders"})", Verdict::kRejected, -1015},
      {429, R"({"code":-1003,"msg":"Too many requests"})", Verdict::kRejected, -1003},
      {418, R"({"code":-1003,"msg":"banned"})", Verdict::kRejected, -1003},
      {429, "slow down", Verdict::kRejected, 0},
      {401, R"({"code":-2015,"msg":"Invalid API-key"})", Verdict::kRejected, -2015},
      // The venue lost track: it may stand.
      {400, R"({"code":-1000,"msg":"unknown"})", Verdict::kUnknown, -1000},
      {400, R"({"code":-1001,"msg":"disconnected"})", Verdict::kUnknown, -1001},
      {400, R"({"code":-1006,"msg":"unexpected response"})", Verdict::kUnknown, -1006},
      {400, R"({"code":-1007,"msg":"timeout"})", Verdict::kUnknown, -1007},
      {408, "", Verdict::kUnknown, 0},
      {408, R"({"code":-2019,"msg":"x"})", Verdict::kUnknown, -2019},
      // Not the venue's word: what stands in front of it may have let the request pass.
      {403, "<html>firewall</html>", Verdict::kUnknown, 0},
      {403, "", Verdict::kUnknown, 0},
      {404, "<html>not found</html>", Verdict::kUnknown, 0},
      {400, "Bad Request", Verdict::kUnknown, 0},
      {401, R"({"error":"unauthorized"})", Verdict::kUnknown, 0},
      {413, "{", Verdict::kUnknown, 0},
      {418, "", Verdict::kRejected, 0},
      {500, R"({"code":-1000,"msg":"x"})", Verdict::kUnknown, -1000},
      {502, "bad gateway", Verdict::kUnknown, 0},
      {503, R"({"code":-1007,"msg":"Timeout waiting for response"})", Verdict::kUnknown, -1007},
      {504, "", Verdict::kUnknown, 0},
      {302, "", Verdict::kUnknown, 0},
      // An order under this id exists: an earlier attempt got through.
      {400, R"({"code":-4116,"msg":"ClientOrderId is duplicated"})", Verdict::kUnknown, -4116},
  };
  for (const Answered& row : table) {
    http::Response response;
    response.status = row.status;
    response.body = row.body;
    const Classified classified = Classify(response);
    EXPECT_EQ(classified.verdict, row.verdict) << row.status << " " << row.body;
    EXPECT_EQ(classified.error.code, row.code) << row.status << " " << row.body;
  }
}

TEST(Outcome, OfNoAnswerIsUnknownUnlessNothingWasSent) {
  const std::pair<Errc, Verdict> table[] = {
      {Errc::kUnavailable, Verdict::kRejected},      // connection refused, breaker open
      {Errc::kTimeout, Verdict::kRejected},          // before anything was sent
      {Errc::kExhausted, Verdict::kRejected},        // refused here to stay within the limits
      {Errc::kInvalidArgument, Verdict::kRejected},  // no such request
      {Errc::kUnknownOutcome, Verdict::kUnknown},    // the connection broke, or no answer in time
      {Errc::kInternal, Verdict::kUnknown},          // a broken answer
      {Errc::kCancelled, Verdict::kUnknown},
  };
  for (const auto& [code, verdict] : table) {
    EXPECT_EQ(Classify(Error{code, "x"}).verdict, verdict) << ToString(code);
  }
}

TEST(Outcome, OfAQuestionIsAnErrorInTheCallersTerms) {
  struct Row {
    int status;
    int code;
    Errc errc;
  };
  for (const Row& row :
       {Row{400, -2013, Errc::kNotFound}, Row{400, -2011, Errc::kNotFound}, Row{401, -2015, Errc::kPermission},
        Row{400, -1022, Errc::kPermission}, Row{429, -1003, Errc::kExhausted}, Row{400, -1021, Errc::kUnavailable},
        Row{503, -1007, Errc::kUnavailable}, Row{400, -1121, Errc::kInvalidArgument}}) {
    http::Response response;
    response.status = row.status;
    response.body = R"({"code":)" + std::to_string(row.code) + R"(,"msg":"m"})";
    EXPECT_EQ(CheckAnswer(response, "asking").error().code, row.errc) << row.code;
  }
}

TEST(Outcome, OfAQuestionThatTheVenueItselfDidNotAnswerIsThatItCanBeAskedAgain) {
  for (const int status : {400, 401, 403, 404, 408, 302, 500}) {
    http::Response response;
    response.status = status;
    response.body = "<html>";
    EXPECT_EQ(CheckAnswer(response, "asking").error().code, Errc::kUnavailable) << status;
    EXPECT_EQ(WriteStatus(response, "cancelling").error().code, Errc::kUnknownOutcome) << status;
  }
}

TEST(Outcome, AnErrorBodyIsReadOnlyWhenItIsOne) {
  EXPECT_EQ(ReadVenueError(R"({"code":-1,"msg":"x"})")->message, "x");
  for (const char* body : {"", "[]", "{}", R"({"code":"-1"})", R"({"code":99999999999})", "<html>"}) {
    EXPECT_FALSE(ReadVenueError(body)) << body;
  }
}

TEST(Outcome, OfABatchIsThatOfEachOrder) {
  const std::vector<std::string> ids{"qt-1", "qt-2", "qt-3", "qt-4"};
  http::Response response;
  response.status = 200;
  response.body = R"([{"clientOrderId":"qt-1","status":"CANCELED"},{"code":-2011,"msg":"Unknown order sent."},)"
                  R"({"code":-1007,"msg":"Timeout waiting for response"},{"code":-1015,"msg":"x"}])";
  const std::vector<Status> statuses = WriteStatuses(response, ids, "cancelling order");
  ASSERT_EQ(statuses.size(), ids.size());
  EXPECT_TRUE(statuses[0].ok());
  EXPECT_EQ(statuses[1].error().code, Errc::kNotFound);
  EXPECT_NE(statuses[1].error().message.find("cancelling order qt-2:"), std::string::npos);
  EXPECT_EQ(statuses[2].error().code, Errc::kUnknownOutcome);
  EXPECT_EQ(statuses[3].error().code, Errc::kExhausted);
}

TEST(Outcome, OfABatchWhoseAnswerIsNoListOfItsOrdersIsUnknownAndARefusalIsThatOfAll) {
  const std::vector<std::string> ids{"qt-1", "qt-2"};
  http::Response response;
  response.status = 200;
  for (const char* body : {R"({"clientOrderId":"qt-1"})", R"([{"clientOrderId":"qt-1"}])", "[1,null]", "[", "",
                           R"([{"code":-2011,"msg":"Unknown order sent."},{"clientOrderId":"qt-1"}])"}) {
    response.body = body;
    for (const Status& status : WriteStatuses(response, ids, "cancelling")) {
      ASSERT_FALSE(status.ok()) << body;
      EXPECT_EQ(status.error().code, Errc::kUnknownOutcome) << body;
    }
  }
  response.status = 429;
  for (const Status& status : WriteStatuses(response, ids, "cancelling")) {
    EXPECT_EQ(status.error().code, Errc::kExhausted);
  }
  for (const Status& status : WriteStatuses(Error{Errc::kUnavailable, "no connection"}, ids, "cancelling")) {
    EXPECT_EQ(status.error().code, Errc::kUnavailable);
  }
}

}  // namespace
}  // namespace quantum::binance
