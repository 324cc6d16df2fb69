//! Columns: rows of text whose cells line up.

/// Lays rows out, each column as wide as its widest cell. Columns in `right` are aligned to the
/// right; a row ends with its last cell, without blanks behind it.
pub(crate) fn lay_out(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter().map(|row| line(row, &widths, right)).collect()
}

fn line(row: &[String], widths: &[usize], right: &[usize]) -> String {
    let mut line = String::new();
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        if column > 0 {
            line.push(' ');
        }
        let blanks = " ".repeat(width - cell.chars().count());
        if right.contains(&column) {
            line.push_str(&blanks);
            line.push_str(cell);
        } else {
            line.push_str(cell);
            line.push_str(&blanks);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_line_up() {
        let rows = [vec!["a".into(), "10".into(), "x".into()], vec!["bcd".into(), "9".into()]];
        assert_eq!(lay_out(&rows, &[1]), ["a   10 x", "bcd  9"]);
        assert!(lay_out(&[], &[]).is_empty());
    }
}
