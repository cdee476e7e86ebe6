#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/table.h"
#include "operator/tradestore/survey.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

// As the venue says, by execution.
Result<tradestore::Precisions> AskPrecisions(const Running& running) {
  QUANTUM_TRY(const http::Response answer, CallService(running, "execution", "GET", "/api/execution/rules"));
  try {
    tradestore::Precisions precisions;
    const json::value rules = json::parse(answer.body);
    for (const json::value& each : rules.at("items").as_array()) {
      QUANTUM_TRY(const trading::Decimal tick,
                  trading::Decimal::Parse(json::value_to<std::string>(each.at("tick_size"))));
      QUANTUM_TRY(const trading::Decimal step,
                  trading::Decimal::Parse(json::value_to<std::string>(each.at("step_size"))));
      precisions[json::value_to<std::string>(each.at("symbol"))] = {.tick_size = tick, .step_size = step};
    }
    return precisions;
  } catch (const std::exception& exception) {
    return Error{Errc::kInternal, fmt::format("execution's rules are not what they should be: {}", exception.what())};
  }
}

json::object SurveyJson(const tradestore::Survey& survey) {
  json::object reasons;
  for (const auto& [column, rows] : survey.reasons) {
    reasons[column] = rows;
  }
  json::array examples;
  for (const tradestore::OddRow& row : survey.examples) {
    examples.push_back({{"rowid", row.rowid}, {"trade_id", row.trade_id}, {"reasons", json::value_from(row.reasons)}});
  }
  return {{"rows", survey.rows},
          {"good", survey.good},
          {"repeated", survey.repeated},
          {"odd", survey.odd},
          {"reasons", std::move(reasons)},
          {"unknown_columns", json::value_from(survey.unknown_columns)},
          {"examples", std::move(examples)}};
}

void PrintSurvey(const tradestore::Survey& survey) {
  Print("{} rows: {} good, {} the same once more, {} odd\n", survey.rows, survey.good, survey.repeated, survey.odd);
  if (!survey.unknown_columns.empty()) {
    Print("columns that the table has not, kept in metadata: {}\n", fmt::join(survey.unknown_columns, ", "));
  }
  if (survey.odd == 0) {
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [column, count] : survey.reasons) {
    rows.push_back({column, std::to_string(count)});
  }
  Print("{}", FormatTable({"column", "odd rows"}, rows));
  rows.clear();
  for (const tradestore::OddRow& row : survey.examples) {
    rows.push_back({std::to_string(row.rowid), row.trade_id, fmt::format("{}", fmt::join(row.reasons, "; "))});
  }
  Print("{}", FormatTable({"row", "trade", "the first of them"}, rows));
}

Status CheckFile(const Context& context, const std::string& path) {
  QUANTUM_TRY(tradestore::LegacyFile file, tradestore::LegacyFile::Open(FromCaller(path)));
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const tradestore::Precisions precisions, AskPrecisions(running));
  int64_t shown = 0;
  QUANTUM_TRY(const tradestore::Survey survey, tradestore::Look(file, precisions, [&](int64_t done, int64_t total) {
                if (!context.json && done * 10 / std::max<int64_t>(total, 1) > shown) {
                  shown = done * 10 / std::max<int64_t>(total, 1);
                  PrintError("  {:>3} %\n", shown * 10);
                }
              }));
  if (context.json) {
    Print("{}\n", json::serialize(SurveyJson(survey)));
  } else {
    PrintSurvey(survey);
  }
  return {};
}

}  // namespace

void AddTradestore(CLI::App& app, Context& context) {
  CLI::App* store = app.add_subcommand("tradestore", "Trades of the old system, which kept them in SQLite");
  store->require_subcommand(1);
  CLI::App* check = store->add_subcommand(
      "check",
      "Read such a file as a migration would, and say which rows are odd; nothing is changed. Wants a platform "
      "that runs: execution knows what prices and quantities are multiples of");
  auto path = std::make_shared<std::string>();
  check->add_option("--from", *path, "trades.db")->required()->type_name("FILE");
  check->add_flag("--json", context.json, "One JSON object");
  check->callback([&context, path] { context.Finish(CheckFile(context, *path)); });
}

}  // namespace quantum::operate
