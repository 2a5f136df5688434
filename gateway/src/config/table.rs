//! Every section and field that a configuration file may have.

use super::fields::{Doc, Field, Kind, Occurs, Section, default, optional, required, usual};
use super::model::{Backend, ClockSource, InputKind, Kind as GateKind, Language, PullName, ReaderKind, Role, Way};
use super::osdp;

/// Shortest and longest time that a gate stays released, in milliseconds. IEC 60839-11-1 asks that the time can be set
/// for each portal; below three seconds a child with a satchel does not get through.
pub const RELEASE_MS: (u32, u32) = (3_000, 60_000);
/// Shortest and longest time that a motor takes to open a gate, in milliseconds.
pub const OPENING_MS: (u32, u32) = (200, 60_000);
/// Shortest and longest time that a door may stand open, in seconds.
pub const HELD_AFTER_S: (u32, u32) = (3, 3_600);
/// Shortest and longest time that a lamp shows a decision, in milliseconds.
pub const SHOW_MS: (u32, u32) = (200, 30_000);
/// Shortest and longest time for which an input must be at rest, in milliseconds. With more than 400, activity that standards
/// ask to be seen would not be.
pub const DEBOUNCE_MS: (u32, u32) = (0, 400);
/// Shortest and longest MQTT keep-alive, in seconds. The client library does not take less than five with MQTT 5.
pub const KEEP_ALIVE_S: (u32, u32) = (5, 3_600);
/// Fewest and most entries in one upload to the platform.
pub const BATCH_ENTRIES: (u32, u32) = (1, 5_000);
/// Shortest and longest wait for the platform's answer, in seconds.
pub const TIMEOUT_S: (u32, u32) = (1, 600);
/// How many times faster than the true time a simulated clock may run.
pub const SPEED: (u32, u32) = (1, 3_600);
/// Shortest and longest time that entries are kept, in days. GB 50396-2007, 5.2.2: not under 180.
pub const KEPT_DAYS: (u32, u32) = (180, 36_500);
/// Rates of serial lines that card readers use, in baud.
pub const BAUDS: &[u32] = &[1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400];

/// All sections, in the order of the template.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "gateway",
        occurs: Occurs::Once,
        doc: Doc {
            zh: "本机：属于哪所学校，数据放在哪里。", en: "This box: whose it is and where it keeps its data."
        },
        fields: GATEWAY,
    },
    Section {
        name: "place",
        occurs: Occurs::Repeatedly,
        doc: Doc {
            zh: "位置：读卡器所在之处，每处一节。", en: "A place where readers stand; one section for each."
        },
        fields: PLACE,
    },
    Section {
        name: "reader",
        occurs: Occurs::Repeatedly,
        doc: Doc { zh: "读卡器，每台一节。", en: "A card reader; one section for each." },
        fields: READER,
    },
    Section {
        name: "gate",
        occurs: Occurs::Repeatedly,
        doc: Doc {
            zh: "某位置的输出：闸门、灯、蜂鸣器。每个位置至多一节。",
            en: "The outputs at a place: release, lamps, buzzer. At most one section for a place.",
        },
        fields: GATE,
    },
    Section {
        name: "input",
        occurs: Occurs::Repeatedly,
        doc: Doc {
            zh: "某位置的输入：门磁、出门按钮、对射、消防等，每条线路一节；没有则删去。接线见 gateway/docs/gpio.md。",
            en: "An input at a place: door contact, exit button, beams, fire alarm; one section for each line, none where there \
                 is none. Wiring: gateway/docs/gpio.md.",
        },
        fields: INPUT,
    },
    Section {
        name: "mqtt",
        occurs: Occurs::AtMostOnce,
        doc: Doc {
            zh: "向家长和学校看板推送通知的 MQTT 服务器。没有本节则不推送。",
            en: "The MQTT broker for notifications to families and boards. Without this section nothing is published.",
        },
        fields: MQTT,
    },
    Section {
        name: "platform",
        occurs: Occurs::AtMostOnce,
        doc: Doc {
            zh: "区级中心平台。没有本节则不同步。",
            en: "The district's central platform. Without this section nothing is synchronised.",
        },
        fields: PLATFORM,
    },
    Section {
        name: "cards",
        occurs: Occurs::AtMostOnce,
        doc: Doc {
            zh: "能证明自己的卡（NTAG 424 DNA）。没有本节则所有卡只凭卡号识别。各类人员须出示何种凭证，由名册的 policy.proofs 决定。",
            en: "Cards that prove themselves (NTAG 424 DNA). Without this section every card is known by its number alone. \
                 What people have to show is said by the roster's policy.proofs.",
        },
        fields: CARDS,
    },
    Section {
        name: "retention",
        occurs: Occurs::AtMostOnce,
        doc: Doc {
            zh: "记录保存多久，过期的在夜里移出。没有本节则永久保存。每个出入口最近 1000 条，以及平台和推送尚未收妥的，\
                 无论多久都不移出。",
            en: "How long entries are kept; at night, older ones are taken out. Without this section all are kept for ever. \
                 The latest 1,000 of each entrance stay, and what the platform or the broker has not yet acknowledged, however \
                 old.",
        },
        fields: RETENTION,
    },
    Section {
        name: "clock",
        occurs: Occurs::AtMostOnce,
        doc: Doc {
            zh: "时钟。只有演练才需要本节。", en: "The clock. Only an exercise needs this section."
        },
        fields: CLOCK,
    },
];

const GATEWAY: &[Field] = &[
    required("school", Kind::Id, r#""dongfeng-primary""#, "学校编号。", "The school's id."),
    required("id", Kind::Id, r#""gate-1""#, "本网关编号，全区唯一。", "This gateway's id, unique in the district."),
    default(
        "data_dir",
        Kind::Path,
        r#""/var/lib/schoolgate""#,
        "存放记录的文件夹。相对路径从本文件所在文件夹算起，下同。",
        "Folder of the ledger. A relative path starts at this file's folder, here and below.",
    ),
    default(
        "roster",
        Kind::Path,
        r#""roster.json""#,
        "名册文件；相对路径从 data_dir 算起。",
        "The roster; a relative path starts at data_dir.",
    ),
    default(
        "card_key_file",
        Kind::SecretFile,
        r#""card.key""#,
        "卡号散列密钥的文件：64 个十六进制数字（openssl rand -hex 32）。更换密钥后所有卡须重新登记。",
        "File with the key that card numbers are hashed with: 64 hex digits (openssl rand -hex 32). \
         With another key every card has to be enrolled again.",
    ),
    optional(
        "pass_secret_file",
        Kind::SecretFile,
        r#""pass.secret""#,
        "接送码密钥的文件：64 个十六进制数字，由平台发给学校。没有则不接受 8 位接送码（扫码凭证不受影响）。",
        "File with the secret that 8-digit pickup codes are made with: 64 hex digits, which the platform gives to the \
         school. Without it no such code is taken; scanned passes are.",
    ),
    default(
        "time_zone",
        Kind::TimeZone,
        r#""Asia/Shanghai""#,
        "学校的时区（IANA 名称）。",
        "The school's time zone, by its IANA name.",
    ),
    default(
        "language",
        Kind::OneOf(Language::NAMES),
        r#""zh""#,
        "给人看的文字用何种语言：zh 或 en。",
        "Language of texts for people: zh or en.",
    ),
    default(
        "log",
        Kind::LogFilter,
        r#""info""#,
        "日志详细程度：off、error、warn、info、debug、trace，或按模块，如 info,schoolgate=debug。",
        "What is logged: off, error, warn, info, debug or trace, or by module as in info,schoolgate=debug.",
    ),
];

const PLACE: &[Field] = &[
    required("id", Kind::Id, r#""east-gate""#, "位置编号。", "The place's id."),
    required(
        "role",
        Kind::OneOf(Role::NAMES),
        r#""gate""#,
        "用途：gate 校门、classroom 教室、handover_desk 交接处、canteen 食堂、patrol_point 巡查点、assembly_point 集合点。",
        "What it is for: gate, classroom, handover_desk, canteen, patrol_point or assembly_point.",
    ),
    usual(
        "name_zh",
        Kind::Text(64),
        r#""东门""#,
        "中文名称；不写则用英文名称或编号。",
        "Its name in Chinese; without one, the English name or the id.",
    ),
    usual(
        "name_en",
        Kind::Text(64),
        r#""East gate""#,
        "英文名称；不写则用中文名称或编号。",
        "Its name in English; without one, the Chinese name or the id.",
    ),
];

const READER: &[Field] = &[
    required("id", Kind::Id, r#""east-gate-1""#, "读卡器编号。", "The reader's id."),
    required(
        "place",
        Kind::Id,
        r#""east-gate""#,
        "所在位置：某个 [[place]] 的 id。",
        "Where it stands: a [[place]]'s id.",
    ),
    required(
        "kind",
        Kind::OneOf(ReaderKind::NAMES),
        r#""rdm6300""#,
        "型号：rdm6300、em18 为 125 kHz（同一张卡在两者上相同），pn532 为 13.56 MHz，scanner 为扫码器（接送凭证和 8 位接送码，扫码器须以 CR 或 LF 结尾），osdp 为 RS-485 总线上的 OSDP v2.2 读卡器，pcsc 为有 PC/SC 驱动的读卡器。",
        "Which kind of reader it is: rdm6300 and em18 for 125 kHz (a card is the same card at both), pn532 for 13.56 MHz, \
         scanner for pickup passes and 8-digit codes (set it to end a line with CR or LF), osdp for OSDP v2.2 on RS-485, \
         pcsc for any reader with a PC/SC driver.",
    ),
    usual(
        "port",
        Kind::Path,
        r#""/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0""#,
        "串口。请用 /dev/serial/by-id/ 下的名字：重新插拔后不变。",
        "Its serial port. Names under /dev/serial/by-id/ stay the same when it is plugged in again.",
    ),
    optional(
        "baud",
        Kind::NumberOf(BAUDS),
        "9600",
        "串口速率（波特）；不写则用出厂速率：pn532 为 115200，其余为 9600。",
        "Rate of the serial line, in baud; without one, that of the factory: 115200 for pn532, 9600 for the others.",
    ),
    optional(
        "confirm",
        Kind::Flag,
        "true",
        "rdm6300、em18：连续两帧相同才认卡（默认 false）。用于干扰大的线路：多字节损坏也不会认错卡，每次刷卡慢约 65 ms；只读一次就停的读卡器不可用。",
        "rdm6300, em18: whether a card counts only when two equal frames came in a row, false unless set. For a line that \
         is known to be bad: no damage makes another card then; a tap takes some 65 ms longer, and a reader that says a \
         card once only can't be used.",
    ),
    optional(
        "reader_name",
        Kind::Text(64),
        r#""ACR122U PICC""#,
        "kind = \"pcsc\" 时：读卡器名称的一部分，见 pcsc_scan；不分大小写，须只有一台符合。",
        "With kind = \"pcsc\": a part of the reader's name, as pcsc_scan shows it, that no other reader's name has.",
    ),
    optional(
        "direction",
        Kind::OneOf(Way::NAMES),
        r#""in""#,
        "只进（in）或只出（out）的读卡器；双向的不填。",
        "For a reader that leads one way only, in or out; leave it out if it leads both ways.",
    ),
    optional(
        "address",
        Kind::Number(0, osdp::MAX_ADDRESS),
        "0",
        "osdp：总线地址。端口相同的读卡器在同一条 RS-485 总线上。",
        "osdp: its address on the bus. Readers with the same port share one RS-485 bus.",
    ),
    optional(
        "secure",
        Kind::Flag,
        "true",
        "osdp：是否必须加密认证（默认 true）；false 只用于调试台。",
        "osdp: whether its channel has to be secure, which it has unless this is false; false is for a test bench.",
    ),
    optional(
        "enrol",
        Kind::Flag,
        "true",
        "osdp：初次连接时是否给仍用出厂密钥的读卡器写入专用密钥（默认 true）；写入后不再接受出厂密钥。",
        "osdp: whether a reader with the factory's key gets a key of its own at first contact, as it does unless this is \
         false; the factory's key is not taken from it afterwards.",
    ),
    optional(
        "key_file",
        Kind::SecretFile,
        r#""/etc/schoolgate/east-gate-1.key""#,
        "osdp：读卡器已有密钥时，该密钥的文件（32 个十六进制数字，chmod 600）；不写则由卡号密钥推导。",
        "osdp: file with the key that the reader has already (32 hex digits, chmod 600); without one, its key is derived \
         from the card key.",
    ),
    optional(
        "authenticates",
        Kind::Flag,
        "false",
        "osdp：读卡器是否自行验证卡片真伪，而不只是读卡号（默认 false）。",
        "osdp: whether the reader makes cards prove what they are instead of only reading their numbers; false unless set.",
    ),
];

const BACKEND: Field = default(
    "backend",
    Kind::OneOf(Backend::NAMES),
    r#""gpiocdev""#,
    "由什么驱动：gpiocdev 为内核的 GPIO 设备，适用于各种板子；rppal 只用于树莓派；simulated 为模拟，不接任何硬件。",
    "What reaches the lines; gpiocdev: the kernel's GPIO device, on any board; rppal: a Raspberry Pi's registers; \
     simulated: no hardware at all.",
);
const SOCKET: Field = optional(
    "socket",
    Kind::Path,
    r#""/run/schoolgate/lines.sock""#,
    "模拟器的套接字；backend 为 simulated 时必填。",
    "The simulator's socket; backend simulated needs it.",
);

const INPUT: &[Field] = &[
    required(
        "place",
        Kind::Id,
        r#""east-gate""#,
        "所在位置：某个 [[place]] 的 id。消防信号对整个学校起作用，写接线处。",
        "Where it is: a [[place]]'s id. The fire alarm is for the whole school; give the place where it is wired.",
    ),
    required(
        "kind",
        Kind::OneOf(InputKind::NAMES),
        r#""door_contact""#,
        "用途：door_contact 门磁、exit_request 出门按钮、beam_a 校外侧对射、beam_b 校内侧对射、turn_in 转闸进、\
         turn_out 转闸出、turned 转闸（不分方向）、fully_open 电动门开到位、safety_beam 电动门防夹、fire_alarm 消防、tamper 防拆、panic 紧急按钮。",
        "What it is for: door_contact, exit_request, beam_a (on the street's side), beam_b (on the campus's), turn_in, turn_out or \
         turned (a turnstile has), fully_open and safety_beam (of a motor's gate), fire_alarm, tamper or panic.",
    ),
    BACKEND,
    SOCKET,
    required(
        "line",
        Kind::Line,
        r#""GPIO27""#,
        "线路名，或“芯片:序号”，如 \"gpiochip0:27\"。",
        "The line's name, or chip and number such as \"gpiochip0:27\".",
    ),
    default(
        "pull",
        Kind::OneOf(PullName::NAMES),
        r#""up""#,
        "上下拉电阻：up 上拉（触点接地）、down 下拉（触点接 3.3 V）、none 无。",
        "The resistor: up (the contact goes to ground), down (it goes to 3.3 V) or none.",
    ),
    default(
        "active_low",
        Kind::Flag,
        "true",
        "触点闭合时是否为低电平；接地的触点如此。",
        "Whether a closed contact reads low, as one to ground does.",
    ),
    optional(
        "normally_closed",
        Kind::Flag,
        "true",
        "平时触点是否闭合（断线即报警）；不写则 door_contact、fire_alarm、tamper、safety_beam 为 true，其余为 false。",
        "Whether the contact is closed at rest, so that a cut wire shows; without it, true for door_contact, fire_alarm, \
         tamper and safety_beam, false for the others.",
    ),
    default(
        "debounce_ms",
        Kind::Number(DEBOUNCE_MS.0, DEBOUNCE_MS.1),
        "20",
        "消抖时间（毫秒）：更短的变化只计数、不上报。",
        "How long the line must be at rest to be believed, in milliseconds; what is shorter is counted only.",
    ),
];

const GATE: &[Field] = &[
    required(
        "place",
        Kind::Id,
        r#""east-gate""#,
        "所在位置：某个 [[place]] 的 id。",
        "Where they are: a [[place]]'s id.",
    ),
    BACKEND,
    SOCKET,
    usual(
        "release_line",
        Kind::Line,
        r#""GPIO17""#,
        "开闸线路；校门必填，其他位置可只有灯。",
        "Line that releases the gate; a gate needs it, other places may have lamps only.",
    ),
    optional("lamp_green_line", Kind::Line, r#""GPIO22""#, "绿灯线路。", "Line of the green lamp."),
    optional("lamp_amber_line", Kind::Line, r#""GPIO23""#, "黄灯线路。", "Line of the amber lamp."),
    optional("lamp_red_line", Kind::Line, r#""GPIO24""#, "红灯线路。", "Line of the red lamp."),
    optional("buzzer_line", Kind::Line, r#""GPIO25""#, "蜂鸣器线路。", "Line of the buzzer."),
    default(
        "active_low",
        Kind::Lines,
        "[]",
        "以上线路中低电平有效者。",
        "Those of the lines above that are active when low.",
    ),
    default(
        "kind",
        Kind::OneOf(GateKind::NAMES),
        r#""door""#,
        "闸门种类：door 门，turnstile 逐人转闸，motor 电动门或道闸。",
        "What closes the way: door, turnstile (one turn for each person), or motor (a leaf or bar that a motor moves).",
    ),
    default(
        "release_ms",
        Kind::Number(RELEASE_MS.0, RELEASE_MS.1),
        "5000",
        "开闸时长（毫秒）。",
        "How long the gate stays released, in milliseconds; a motor's is counted from when it has opened.",
    ),
    optional(
        "opening_ms",
        Kind::Number(OPENING_MS.0, OPENING_MS.1),
        "8000",
        "电动门打开所需时间（毫秒）；kind 为 motor 时必填。",
        "How long the motor takes to open, in milliseconds; kind motor needs it.",
    ),
    optional(
        "held_after_s",
        Kind::Number(HELD_AFTER_S.0, HELD_AFTER_S.1),
        "30",
        "门开着多少秒后报警；不写则按名册的 policy.gate_held_s。",
        "After so many seconds an open door is an alarm; without it, as the roster's policy.gate_held_s says.",
    ),
    optional(
        "one_person_per_release",
        Kind::Flag,
        "true",
        "是否每人单独开闸，后面的人稍候；不写则转闸为 true，其他为 false。",
        "Whether the gate is released anew for each person, and the next one waits; without it, only at a turnstile.",
    ),
    default(
        "shorten_on_passage",
        Kind::Flag,
        "true",
        "人已通过后是否提前上锁。",
        "Whether the gate is locked as soon as everybody who was let through has gone.",
    ),
    default(
        "exit_button_releases",
        Kind::Flag,
        "false",
        "出门按钮是否由网关开闸；按钮自有开锁接线时写 false。",
        "Whether the gateway releases the gate at the exit button; false where the button opens it by its own wire.",
    ),
    optional(
        "interlock_with",
        Kind::Id,
        r#""west-gate""#,
        "互锁的另一道门（两道门各写对方）：一道关好锁上，另一道才开；紧急时都开。",
        "The other door of an airlock (each names the other): one opens when the other is closed and locked. \
         In an emergency both do.",
    ),
    default(
        "schedule",
        Kind::Schedule,
        "[]",
        "时间表：何时敞开（free），何时关闭（locked），如 [\"school_day 16:30-17:30 free\", \"mon-fri 08:00-11:30 locked\"]。\
         校历为 closed 的日子不敞开；时钟未校准时不执行。",
        "When it stands open (free) and when it is locked, such as [\"school_day 16:30-17:30 free\", \
         \"mon-fri 08:00-11:30 locked\"]. Never free on a day that the calendar calls closed, nor while the clock is unset.",
    ),
    default(
        "show_ms",
        Kind::Number(SHOW_MS.0, SHOW_MS.1),
        "2000",
        "亮灯时长（毫秒）。",
        "How long a lamp shows a decision, in milliseconds.",
    ),
];

const MQTT: &[Field] = &[
    required("host", Kind::Host, r#""mqtt.example.edu.cn""#, "服务器的名称或地址。", "The broker's name or address."),
    optional(
        "port",
        Kind::Number(1, 65_535),
        "8883",
        "端口；不写则有 TLS 用 8883，无 TLS 用 1883。",
        "Its port; without one, 8883 with TLS and 1883 without.",
    ),
    optional(
        "client_id",
        Kind::Id,
        r#""schoolgate-dongfeng-primary-gate-1""#,
        "客户端编号，在此服务器上不可重复；不写则由学校编号与网关编号组成。",
        "Client id, which no other client of this broker may have; without one, made of the school's and the gateway's id.",
    ),
    optional("username", Kind::Text(128), r#""gate-1""#, "用户名。", "User name."),
    optional(
        "password_file",
        Kind::SecretFile,
        r#""mqtt.password""#,
        "密码文件；密码不写在本文件里。",
        "File with the password, which does not belong in here.",
    ),
    default(
        "keep_alive_s",
        Kind::Number(KEEP_ALIVE_S.0, KEEP_ALIVE_S.1),
        "30",
        "保活间隔（秒）。",
        "Keep-alive, in seconds.",
    ),
    default(
        "tls",
        Kind::Flag,
        "true",
        "是否加密。只有服务器就在本机时才可不加密。",
        "Whether to encrypt. Only a broker on this very machine may do without.",
    ),
    optional(
        "ca_file",
        Kind::Path,
        r#""ca.pem""#,
        "签发服务器证书的机构（PEM）；不写则用公共机构。",
        "Authority that signed the broker's certificate (PEM); without it, the public ones.",
    ),
    optional(
        "client_cert_file",
        Kind::Path,
        r#""gateway.pem""#,
        "本机证书（PEM），与 client_key_file 同时写。",
        "This box's certificate (PEM), together with client_key_file.",
    ),
    optional(
        "client_key_file",
        Kind::SecretFile,
        r#""gateway.key""#,
        "本机证书的私钥（PEM）。",
        "Private key of that certificate (PEM).",
    ),
    default(
        "place_events",
        Kind::Flag,
        "true",
        "是否发布各位置的全部记录，供看板和校内其他网关使用。",
        "Whether every place's entries are published, for boards and the campus's other gateways.",
    ),
];

const PLATFORM: &[Field] = &[
    required(
        "url",
        Kind::Url,
        r#""https://platform.example.edu.cn""#,
        "平台地址。http 只可用于本机，除非 allow_insecure 为 true。",
        "The platform's address. http only on this machine, unless allow_insecure is true.",
    ),
    required(
        "token_file",
        Kind::SecretFile,
        r#""platform.token""#,
        "令牌文件；令牌不写在本文件里。",
        "File with the access token, which does not belong in here.",
    ),
    optional(
        "ca_file",
        Kind::Path,
        r#""ca.pem""#,
        "签发平台证书的机构（PEM）；不写则用公共机构。",
        "Authority that signed the platform's certificate (PEM); without it, the public ones.",
    ),
    default(
        "allow_insecure",
        Kind::Flag,
        "false",
        "允许不加密的 http。学生数据将可被窃听。",
        "Allow plain http. Children's data can then be read on the way.",
    ),
    default(
        "batch_entries",
        Kind::Number(BATCH_ENTRIES.0, BATCH_ENTRIES.1),
        "500",
        "每次上传的最多记录数。",
        "Most entries in one upload.",
    ),
    default(
        "timeout_s",
        Kind::Number(TIMEOUT_S.0, TIMEOUT_S.1),
        "30",
        "等待平台答复的时限（秒）。",
        "How long to wait for the platform's answer, in seconds.",
    ),
];

const CARDS: &[Field] = &[
    required(
        "ntag424_key_file",
        Kind::SecretFile,
        r#""ntag424.key""#,
        "卡密钥的文件，与制卡时所用一致：32 个十六进制数字（openssl rand -hex 16），其余密钥由它导出；\
         或 64 个：读取元数据的密钥，后接卡密钥的主密钥。",
        "File with the keys that the cards were made with: 32 hex digits (openssl rand -hex 16), from which all others are \
         made; or 64: the meta read key, then the master of the cards' own keys.",
    ),
    default(
        "picc_parameter",
        Kind::Text(32),
        r#""picc_data""#,
        "卡上网址中加密数据的参数名。",
        "How the parameter with the encrypted data is named in the address on the card.",
    ),
    default("cmac_parameter", Kind::Text(32), r#""cmac""#, "验证码的参数名。", "The one with the code."),
    default(
        "uid_parameter",
        Kind::Text(32),
        r#""uid""#,
        "卡号的参数名（卡号明文时）。",
        "The one with the card's number, where it stands in the open.",
    ),
    default(
        "counter_parameter",
        Kind::Text(32),
        r#""ctr""#,
        "计数的参数名（计数明文时）。",
        "The one with the counter, where it stands in the open.",
    ),
];

const RETENTION: &[Field] = &[
    default(
        "movements_days",
        Kind::Number(KEPT_DAYS.0, KEPT_DAYS.1),
        "180",
        "出入、交接、拒绝、报警等记录保存的天数；国家标准要求不少于 180 天。",
        "Days for who came, went, was handed over or refused, and alarms; the national standard asks for 180 at least.",
    ),
    default(
        "attendance_days",
        Kind::Number(KEPT_DAYS.0, KEPT_DAYS.1),
        "180",
        "课程、考勤、消课、课时等记录保存的天数。",
        "Days for lessons, attendance, consumption and hours.",
    ),
    default(
        "machine_days",
        Kind::Number(KEPT_DAYS.0, KEPT_DAYS.1),
        "180",
        "本机自身的记录（启动、读卡器、时钟、名册）保存的天数。",
        "Days for the box's own entries: starts, readers, clocks, rosters.",
    ),
    default(
        "archive",
        Kind::Flag,
        "true",
        "整段过期时是否压缩存档；false 则直接删除。单条过期的内容总是删除，不存档。",
        "Whether whole segments are kept in compressed form when their time is over; false: they are deleted. \
         Single entries are always deleted.",
    ),
    default(
        "archive_dir",
        Kind::Path,
        r#""archive""#,
        "存档文件夹；相对路径从 data_dir 算起。",
        "Folder of that archive; a relative path starts at data_dir.",
    ),
];

const CLOCK: &[Field] = &[
    default(
        "source",
        Kind::OneOf(ClockSource::NAMES),
        r#""system""#,
        "system 为本机时钟；simulated 为演练用的虚拟时钟，真实运行绝不可用。",
        "system: this machine's clock. simulated: an invented one, for exercises, never for a school day.",
    ),
    optional(
        "start",
        Kind::Moment,
        r#""2026-09-01T16:25:00+08:00""#,
        "虚拟时钟的起点。",
        "When the simulated clock starts.",
    ),
    optional(
        "speed",
        Kind::Number(SPEED.0, SPEED.1),
        "60",
        "虚拟时钟比真实时间快多少倍；不写为 1。",
        "How many times faster than true time it runs; without it, 1.",
    ),
];
