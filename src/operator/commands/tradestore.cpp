#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "operator/commands/command.h"
#include "operator/commands/progress.h"
#include "operator/commands/tradestore_steps.h"
#include "operator/output.h"
#include "operator/table.h"
#include "trading/tradestore/survey.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

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

Status CheckFile(const Context& context, const std::string& path, const std::vector<std::string>& precisions_given) {
  QUANTUM_TRY(tradestore::LegacyFile file, tradestore::LegacyFile::Open(FromCaller(path)));
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const tradestore::Precisions precisions, FindPrecisions(running, precisions_given));
  QUANTUM_TRY(const tradestore::Survey survey, tradestore::Look(file, precisions, ShowCount(context)));
  if (context.json) {
    Print("{}\n", json::serialize(SurveyJson(survey)));
  } else {
    PrintSurvey(survey);
  }
  return {};
}

struct FileOptions {
  std::string path;
  std::vector<std::string> precisions;
};

std::shared_ptr<FileOptions> AddFileOptions(CLI::App* command) {
  auto options = std::make_shared<FileOptions>();
  command->add_option("--from", options->path, "trades.db")->required()->type_name("FILE");
  command
      ->add_option("--precision", options->precisions,
                   "What prices and quantities of a symbol are multiples of, where the venue does not list it any more")
      ->type_name("SYMBOL=TICK,STEP");
  return options;
}

}  // namespace

void AddTradestore(CLI::App& app, Context& context) {
  CLI::App* store = app.add_subcommand("tradestore", "Trades of the old system, which kept them in SQLite");
  store->require_subcommand(1);
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = store->add_subcommand(name, what);
    command->add_flag("--json", context.json, "One JSON object");
    return command;
  };
  CLI::App* check =
      add("check",
          "Read such a file as a migration would, and say which rows are odd; nothing is changed. Wants a "
          "platform that runs: execution knows what prices and quantities are multiples of");
  check->callback([&context, options = AddFileOptions(check)] {
    context.Finish(CheckFile(context, options->path, options->precisions));
  });
  CLI::App* migrate =
      add("migrate", "Copy it to Postgres, and write both stores from then on. Goes on where it was interrupted");
  migrate->callback([&context, options = AddFileOptions(migrate)] {
    context.Finish(MigrateTrades(context, options->path, options->precisions));
  });
  add("status", "How far it is, and what the last comparison of both stores found (exit code 4: differences)")
      ->callback([&context] { context.Finish(ShowTradestore(context)); });
  add("aside", "The rows that could not become trades, and why; with --json one object a line")->callback([&context] {
    context.Finish(ShowAside(context));
  });
  add("switch", "Read trades from Postgres; refused while the stores differ")->callback([&context] {
    context.Finish(SwitchToPostgres(context));
  });
  add("finish", "Stop writing the file, and archive it; refused before 48 h (dual_write) and while the stores differ")
      ->callback([&context] { context.Finish(FinishMigration(context)); });
  CLI::App* rollback = add("rollback",
                           "One step back: read from the file again; then stop writing to it and hand it out. Postgres "
                           "keeps what it has");
  auto give_up = std::make_shared<bool>(false);
  rollback->add_flag("--give-up", *give_up, "Also where trades wait for a file that cannot be written any more");
  rollback->callback([&context, give_up] { context.Finish(RollBackMigration(context, *give_up)); });
}

}  // namespace quantum::operate
