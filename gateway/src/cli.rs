//! The command line: what can be asked of the program, and the answers about configuration.

mod filter;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use schoolgate_core::text;
use schoolgate_core::text::Lang;
use schoolgate_core::{id::StudentId, time::Day};

use crate::{
    config::{self, Fault, LoadError, Severity},
    who_cli::When,
};

pub use filter::{Edge, FilterArgs, SeqRange};

/// Exit code: done, nothing wrong.
pub const EXIT_FINE: u8 = 0;
/// Exit code: what was to be checked has faults.
pub const EXIT_FAULTS: u8 = 1;
/// Exit code: the command can't be carried out as it was given (also clap's for a wrong command line).
pub const EXIT_USAGE: u8 = 2;

/// The gateway at the school gate / 校门网关
#[derive(Clone, Debug, Parser)]
#[command(name = "schoolgate", version)]
pub struct Cli {
    /// Language of messages; without it LC_ALL, LC_MESSAGES and LANG decide / 消息语言；不写则由环境变量决定
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    pub lang: Option<LangArg>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the gateway / 运行网关
    Run {
        /// Configuration file / 配置文件
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Check a configuration or print one to start from / 检查配置或打印样例
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check a roster, or turn card numbers into credentials for one / 检查名册，或把卡号转换成名册用的凭证
    #[command(subcommand)]
    Roster(RosterCommand),
    /// Verify, show, export or prove entries of the ledger / 校验、查看、导出记录或出具证明
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// The key that the ledger is signed with / 账本的签名密钥
    #[command(subcommand)]
    Key(KeyCommand),
    /// Sum up attendance, lessons and hours of a period / 统计一段时间的考勤、消课与课时
    Report(ReportArgs),
    /// Stands guard over the gates' outputs; the gateway starts it by itself.
    #[command(hide = true)]
    GuardLines,
    /// Who answered for a student, and by which entries / 某学生当时由谁负责，以哪些记录为凭
    Who(WhoArgs),
}

/// What to do about configuration.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Report every mistake of a configuration file at once / 一次报告配置文件的全部错误
    Check {
        /// Configuration file / 配置文件
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print a configuration file in which every field is explained / 打印带说明的配置样例
    Template,
}

/// What to do about rosters.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum RosterCommand {
    /// Report every mistake of a roster at once / 一次报告名册的全部错误
    Check {
        /// Roster file / 名册文件
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Read card numbers from standard input, one a line, and print each one's credential / 从标准输入逐行读卡号，输出凭证
    Cards {
        /// Configuration file that names the card key / 指明卡密钥的配置文件
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Read numbers of NTAG 424 DNA cards, one a line, and print the two keys to write into each: meta read, file read /
    /// 逐行读 NTAG 424 DNA 卡号，输出须写入该卡的两个密钥：读取元数据、读取文件
    CardKeys {
        /// Configuration file with a section `cards` / 含 cards 一节的配置文件
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// What to do with the signing key.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum KeyCommand {
    /// Print the public key, to be kept outside of the gateway / 打印公钥，请在网关之外另行保存
    Show {
        /// Whose.
        #[command(flatten)]
        ledger: LedgerArgs,
        /// As OpenSSL reads it / 以 OpenSSL 可读的 PEM 格式
        #[arg(long)]
        pem: bool,
    },
}

/// What to do with the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LedgerCommand {
    /// Check that no entry is missing or changed / 校验记录是否完整、未被改动
    Verify {
        /// Which ledger.
        #[command(flatten)]
        ledger: LedgerArgs,
        /// The gateway's public key, in hex or as a file; without it, that of the key in the data folder /
        /// 网关公钥（十六进制或文件）；不写则用数据文件夹中的密钥
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
    },
    /// Write a file that proves one entry to others and shows no other / 为一条记录出具证明，不含其他记录
    Proof {
        /// Which entry, by its number / 记录号
        #[arg(value_name = "SEQ")]
        seq: u64,
        /// Which ledger.
        #[command(flatten)]
        ledger: LedgerArgs,
        /// File to write; without it, standard output / 输出文件；不写则为标准输出
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check such a file; needs nothing but the gateway's public key / 核验证明文件，只需网关公钥
    CheckProof {
        /// Proof file / 证明文件
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The gateway's public key, in hex or as a file / 网关公钥（十六进制或文件）
        #[arg(long, value_name = "KEY")]
        public_key: String,
    },
    /// Show entries / 查看记录
    Show {
        /// Which ledger.
        #[command(flatten)]
        ledger: LedgerArgs,
        /// Which entries.
        #[command(flatten)]
        filter: FilterArgs,
        /// One JSON object a line / 每行一个 JSON 对象
        #[arg(long)]
        json: bool,
    },
    /// Write entries to a file / 导出记录
    Export {
        /// Which ledger.
        #[command(flatten)]
        ledger: LedgerArgs,
        /// Which entries.
        #[command(flatten)]
        filter: FilterArgs,
        /// Format of the output / 导出格式
        #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
        format: ExportFormat,
        /// File to write; without it, standard output / 输出文件；不写则为标准输出
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Which ledger: one of the two is given.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[group(required = true, multiple = false)]
pub struct LedgerArgs {
    /// Folder of the ledger / 存放记录的文件夹
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file that names the folder / 指明该文件夹的配置文件
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to sum up, and how to show it.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ReportArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// First day; without it, the first of the last day's month / 起始日；不写则为截止日所在月的第一天
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub from: Option<Day>,
    /// Last day; without it, today / 截止日；不写则为今天
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: Option<Day>,
    /// By whom or what / 按什么统计
    #[arg(long, value_enum, value_name = "WHAT")]
    pub by: ReportBy,
    /// Format of the output / 输出格式
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
    /// Roster that tells names; without it, the one that the gateway keeps / 提供姓名的名册；不写则用网关保存的名册
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,
    /// File to write; without it, standard output / 输出文件；不写则为标准输出
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// About whom and when; one of moment and day is given.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[group(skip)]
pub struct WhoArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// The student's id / 学生编号
    #[arg(long, value_name = "ID", value_parser = student)]
    pub student: StudentId,
    /// The moment, by the school's time unless it has an offset / 时刻；不写时差则按学校时区
    #[arg(long, value_name = "TIME", value_parser = when, required_unless_present = "history", conflicts_with = "history")]
    pub at: Option<When>,
    /// Everybody who answered on that day / 该日每一位负责人
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub history: Option<Day>,
    /// Format of the output / 输出格式
    #[arg(long, value_enum, default_value_t = WhoFormat::Text)]
    pub format: WhoFormat,
    /// Roster that tells names; without it, the one that the gateway keeps / 提供姓名的名册；不写则用网关保存的名册
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,
}

/// Format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhoFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// By whom or what a report sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportBy {
    /// Attendance, lessons and dinners of each student / 学生
    Student,
    /// Sessions and attendance of each course / 课程
    Course,
    /// Lessons delivered by each institution, for settlement / 机构（结算）
    Institution,
    /// Sessions and minutes of each member of staff / 教职工
    Staff,
    /// Participation and coverage / 参与率与覆盖率
    Participation,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Columns for a terminal.
    Table,
    /// For a spreadsheet.
    Csv,
    /// One JSON object.
    Json,
}

fn day(text: &str) -> Result<Day, String> {
    text.parse().map_err(|_| "a day is written 2026-09-01 / 日期应写作 2026-09-01".to_owned())
}

fn when(text: &str) -> Result<When, String> {
    text.parse().map_err(|_| {
        "a moment is written 2026-09-01T17:42 or 2026-09-01T17:42+08:00 / 时刻应写作 2026-09-01T17:42".to_owned()
    })
}

fn student(text: &str) -> Result<StudentId, String> {
    StudentId::try_new(text).map_err(|fault| fault.to_string())
}

/// Format of exported entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values.
    Csv,
}

/// A language, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    /// 中文
    Zh,
    /// English
    En,
}

/// The language of messages: the one chosen, or else the environment's (`LC_ALL` before `LC_MESSAGES` before `LANG`, as
/// POSIX has it): Chinese for `zh…`, English for all others. `variable` looks up an environment variable.
pub fn language(chosen: Option<LangArg>, variable: impl Fn(&str) -> Option<String>) -> Lang {
    match chosen {
        Some(LangArg::Zh) => Lang::Zh,
        Some(LangArg::En) => Lang::En,
        None => {
            let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
            let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default();
            if locale.to_ascii_lowercase().starts_with("zh") { Lang::Zh } else { Lang::En }
        }
    }
}

/// Carries out `command`; the answer goes to `out`. Returns the exit code, or the error of writing.
pub fn run_config(command: &ConfigCommand, lang: Lang, out: &mut dyn Write) -> io::Result<u8> {
    match command {
        ConfigCommand::Check { file } => check(file, lang, out),
        ConfigCommand::Template => out.write_all(config::template(lang).as_bytes()).map(|()| EXIT_FINE),
    }
}

fn check(file: &Path, lang: Lang, out: &mut dyn Write) -> io::Result<u8> {
    let (code, found) = match config::load(file, lang) {
        Ok(loaded) => (EXIT_FINE, loaded.warnings),
        Err(LoadError::Faults(faults)) => (EXIT_FAULTS, faults),
        Err(error @ LoadError::Read { .. }) => {
            writeln!(out, "{}", error.render(lang))?;
            return Ok(EXIT_USAGE);
        }
    };
    for fault in &found {
        writeln!(out, "{}", fault.render(lang))?;
    }
    writeln!(out, "{}", closing_line(file, &found, lang))?;
    Ok(code)
}

/// "3 faults, 1 warning", or in words that there is none.
fn closing_line(file: &Path, found: &[Fault], lang: Lang) -> String {
    let count = |severity| found.iter().filter(|fault| fault.severity == severity).count();
    let (faults, warnings) = (count(Severity::Fault), count(Severity::Warning));
    let plural = |n| if n == 1 { "" } else { "s" };
    let (fault_s, warning_s) = (plural(faults), plural(warnings));
    let file = file.display();
    match (faults, warnings) {
        (0, 0) => text!(lang, zh: "{file} 没有问题", en: "{file} is fine"),
        (0, _) => text!(lang, zh: "可以使用，{warnings} 个警告", en: "usable, {warnings} warning{warning_s}"),
        (_, 0) => text!(lang, zh: "{faults} 个错误", en: "{faults} fault{fault_s}"),
        _ => text!(
            lang,
            zh: "{faults} 个错误，{warnings} 个警告",
            en: "{faults} fault{fault_s}, {warnings} warning{warning_s}",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_declarations_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lang_stands_anywhere() {
        for line in ["schoolgate --lang zh config template", "schoolgate config template --lang zh"] {
            assert_eq!(parse(line).unwrap().lang, Some(LangArg::Zh), "{line}");
        }
    }

    #[test]
    fn a_ledger_is_named_by_exactly_one_of_folder_and_config() {
        let Command::Ledger(LedgerCommand::Show { ledger, filter, json }) =
            parse("schoolgate ledger show --data-dir d --seq 3..9 --student S-1 --kind arrived,left --json")
                .unwrap()
                .command
        else {
            panic!("not a ledger show");
        };
        assert_eq!(ledger.data_dir, Some(PathBuf::from("d")));
        let seq = Some(SeqRange { first: 3, last: 9 });
        let (student, kinds) = (Some("S-1".to_owned()), vec!["arrived", "left"]);
        assert_eq!(filter, FilterArgs { seq, student, kinds, ..FilterArgs::default() });
        assert!(json);
        for wrong in ["schoolgate ledger verify", "schoolgate ledger verify --data-dir d --config f"] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), i32::from(EXIT_USAGE), "{wrong}");
        }
    }

    #[test]
    fn export_writes_ndjson_to_standard_output_unless_told_otherwise() {
        let export = |line: &str| match parse(line).unwrap().command {
            Command::Ledger(LedgerCommand::Export { format, output, .. }) => (format, output),
            other => panic!("{other:?}"),
        };
        assert_eq!(export("schoolgate ledger export --data-dir d"), (ExportFormat::Ndjson, None));
        assert_eq!(
            export("schoolgate ledger export --config f --format csv --output o.csv"),
            (ExportFormat::Csv, Some(PathBuf::from("o.csv")))
        );
    }

    #[test]
    fn a_report_needs_to_know_by_what_and_takes_days_only() {
        let Command::Report(args) =
            parse("schoolgate report --config f --from 2026-09-01 --by student --format csv").unwrap().command
        else {
            panic!("not a report");
        };
        assert_eq!((args.by, args.format, args.until), (ReportBy::Student, ReportFormat::Csv, None));
        assert_eq!(args.from, "2026-09-01".parse().ok());
        for wrong in ["schoolgate report --config f", "schoolgate report --config f --by staff --from 1.9.2026"] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), i32::from(EXIT_USAGE), "{wrong}");
        }
    }

    #[test]
    fn who_answered_is_asked_of_one_moment_or_one_day() {
        for right in ["--at 2026-09-01T17:42", "--at 2026-09-01T17:42:10+08:00", "--history 2026-09-01"] {
            assert!(parse(&format!("schoolgate who --config f --student s1 {right}")).is_ok(), "{right}");
        }
        for wrong in
            ["", "--at 2026-09-01", "--at 17:42", "--history 1.9.2026", "--at 2026-09-01T17:42 --history 2026-09-01"]
        {
            let line = format!("schoolgate who --config f --student s1 {wrong}");
            assert_eq!(parse(line.trim()).unwrap_err().exit_code(), i32::from(EXIT_USAGE), "{wrong}");
        }
    }

    #[test]
    fn run_needs_a_configuration_and_version_is_told() {
        assert_eq!(parse("schoolgate run").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        assert_eq!(parse("schoolgate --version").unwrap_err().kind(), ErrorKind::DisplayVersion);
    }

    #[test]
    fn the_environment_decides_the_language_unless_one_is_chosen() {
        let with = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(language(None, with(&[])), Lang::En);
        assert_eq!(language(None, with(&[("LANG", "zh_CN.UTF-8")])), Lang::Zh);
        assert_eq!(language(None, with(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")])), Lang::En);
        assert_eq!(language(None, with(&[("LANG", "C"), ("LC_ALL", ""), ("LC_MESSAGES", "zh_TW")])), Lang::Zh);
        assert_eq!(language(Some(LangArg::En), with(&[("LANG", "zh_CN.UTF-8")])), Lang::En);
    }

    fn check_output(file: &Path, lang: Lang) -> (u8, String) {
        let mut out = Vec::new();
        let code = run_config(&ConfigCommand::Check { file: file.to_owned() }, lang, &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_file_without_mistakes_is_called_fine() {
        let dir = tempfile::tempdir().unwrap();
        let (file, key) = (dir.path().join("gate.toml"), dir.path().join("card.key"));
        fs::write(&key, "5a".repeat(32)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let reader = "[[place]]\nid = \"e\"\nrole = \"gate\"\n[[reader]]\nid = \"r\"\nplace = \"e\"\nkind = \"rdm6300\"\nport = \"/dev/null\"\n";
        fs::write(&file, format!("[gateway]\nschool = \"s\"\nid = \"g\"\ndata_dir = \".\"\n{reader}")).unwrap();
        assert_eq!(check_output(&file, Lang::En), (EXIT_FINE, format!("{} is fine\n", file.display())));
        assert_eq!(check_output(&file, Lang::Zh), (EXIT_FINE, format!("{} 没有问题\n", file.display())));
    }

    #[test]
    fn faults_and_warnings_are_printed_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gate.toml");
        fs::write(&file, "[gateway]\nschool = 7\nid = \"g\"\ndata_dir = \".\"\n").unwrap();
        let (code, out) = check_output(&file, Lang::En);
        assert_eq!(code, EXIT_FAULTS);
        assert_eq!(out.lines().count(), 4, "{out}");
        assert!(out.ends_with("\n2 faults, 1 warning\n"), "{out}");
        assert!(check_output(&file, Lang::Zh).1.ends_with("\n2 个错误，1 个警告\n"));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake_of_the_command_line() {
        let (code, out) = check_output(Path::new("/nowhere/gate.toml"), Lang::En);
        assert_eq!((code, out.as_str()), (EXIT_USAGE, "/nowhere/gate.toml: no such file\n"));
    }

    #[test]
    fn the_template_is_printed_as_it_is() {
        let mut out = Vec::new();
        assert_eq!(run_config(&ConfigCommand::Template, Lang::Zh, &mut out).unwrap(), EXIT_FINE);
        assert_eq!(String::from_utf8(out).unwrap(), config::template(Lang::Zh));
    }
}
