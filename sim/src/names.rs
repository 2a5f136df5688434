//! Names for people, classes and courses that nobody has: made up from common parts.

use rand::{Rng, seq::IndexedRandom};
use schoolgate_core::{text, text::Bilingual};

const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "高",
    "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾", "肖", "田", "董", "袁", "潘", "于",
    "蒋", "蔡", "余", "杜", "叶", "程", "苏", "魏", "吕", "丁", "任", "沈", "欧阳", "诸葛", "司马",
];

/// Characters that given names of children are made of.
const YOUNG: &[&str] = &[
    "子", "梓", "雨", "欣", "宇", "浩", "涵", "诗", "一", "诺", "思", "语", "嘉", "轩", "晨", "熙", "睿", "泽", "沐",
    "辰", "可", "心", "佳", "怡", "俊", "博", "文", "昊", "然", "若", "曦", "铭", "书", "瑶", "奕", "妍", "晓", "彤",
    "景", "安", "乐", "星", "明", "月", "清", "扬", "知", "远", "舒", "宁",
];

/// Characters that given names of their elders are made of.
const GROWN: &[&str] = &[
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "超", "霞", "平", "刚",
    "桂", "英", "建", "国", "华", "志", "明", "玉", "兰", "秀", "珍", "海", "燕", "红", "波", "鹏", "辉", "梅", "琳",
];

/// What a child calls those who fetch them, in Chinese and English; the first two are the likeliest.
const RELATIONS: &[(&str, &str)] = &[
    ("妈妈", "mother"),
    ("爸爸", "father"),
    ("奶奶", "grandmother"),
    ("外婆", "grandmother"),
    ("爷爷", "grandfather"),
    ("外公", "grandfather"),
    ("姑姑", "aunt"),
    ("舅舅", "uncle"),
    ("保姆", "nanny"),
];

/// Courses of after-school service, in Chinese and English.
pub(crate) const COURSES: &[(&str, &str)] = &[
    ("作业辅导", "Homework care"),
    ("书法", "Calligraphy"),
    ("篮球", "Basketball"),
    ("合唱", "Choir"),
    ("机器人", "Robotics"),
    ("围棋", "Go"),
    ("科学实验", "Science lab"),
    ("舞蹈", "Dance"),
    ("剪纸", "Paper cutting"),
    ("乒乓球", "Table tennis"),
];

/// Outside institutions that give courses.
pub(crate) const INSTITUTIONS: &[(&str, &str)] =
    &[("晨星少年宫", "Morning Star Youth Centre"), ("启航科技教育", "Sail Tech Education"), ("雅艺学堂", "Yayi Arts")];

/// A family's name.
pub(crate) fn surname(rng: &mut impl Rng) -> &'static str {
    pick(rng, SURNAMES)
}

/// A child's full name.
pub(crate) fn child(rng: &mut impl Rng, surname: &str) -> String {
    given(rng, surname, YOUNG)
}

/// A grown person's full name.
pub(crate) fn elder(rng: &mut impl Rng, surname: &str) -> String {
    given(rng, surname, GROWN)
}

/// `count` different relations, a parent first.
pub(crate) fn relations(rng: &mut impl Rng, count: usize) -> Vec<Bilingual> {
    let (parents, others) = RELATIONS.split_at(2);
    let mut chosen = vec![pick(rng, parents)];
    let rest: Vec<_> = parents.iter().chain(others).copied().filter(|one| !chosen.contains(one)).collect();
    chosen.extend(rest.sample(rng, count.saturating_sub(1)).copied());
    chosen.into_iter().map(bilingual).collect()
}

/// A class as its door says it: 三年级2班, Grade 3 Class 2. Grades beyond nine are written in digits.
pub(crate) fn class(grade: u8, class: u8) -> Bilingual {
    let zh_grade = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"]
        .get(usize::from(grade))
        .map_or_else(|| grade.to_string(), |&digit| digit.to_owned());
    Bilingual::say(|lang| text!(lang, zh: "{zh_grade}年级{class}班", en: "Grade {grade} Class {class}"))
}

pub(crate) fn bilingual((zh, en): (&str, &str)) -> Bilingual {
    Bilingual { zh: zh.to_owned(), en: en.to_owned() }
}

fn given(rng: &mut impl Rng, surname: &str, characters: &[&str]) -> String {
    let (first, second) = (pick(rng, characters), pick(rng, characters));
    if first == second { format!("{surname}{first}") } else { format!("{surname}{first}{second}") }
}

/// One of a list that is not empty.
fn pick<T: Copy + Default>(rng: &mut impl Rng, list: &[T]) -> T {
    list.choose(rng).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_class_reads_as_on_its_door() {
        assert_eq!(class(3, 2), bilingual(("三年级2班", "Grade 3 Class 2")));
        assert_eq!(class(12, 1).zh, "12年级1班");
    }

    #[test]
    fn relations_differ_and_a_parent_comes_first() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for count in 1..=3 {
            let relations = relations(&mut rng, count);
            assert_eq!(relations.len(), count);
            assert!(["妈妈", "爸爸"].contains(&relations[0].zh.as_str()));
            let all: std::collections::BTreeSet<_> = relations.iter().map(|r| &r.zh).collect();
            assert_eq!(all.len(), count);
        }
    }
}
