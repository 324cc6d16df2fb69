//! Text in columns.

/// A table with a name for each row and a title for each column.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these column titles.
    pub fn new(titles: impl IntoIterator<Item = String>) -> Self {
        Self { rows: vec![std::iter::once(String::new()).chain(titles).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, name: &str, cells: Vec<String>) {
        self.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }

    /// The table, names to the left and cells to the right.
    pub fn text(&self) -> String {
        let columns = self.rows[0].len();
        let width = |i: usize| {
            self.rows.iter().map(|r| r.get(i).map_or(0, |c| c.chars().count())).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let mut line = format!("{:<1$}", row[0], widths[0]);
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                line += &format!("  {cell:>width$}");
            }
            line.truncate(line.trim_end().len());
            line + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["a".to_owned(), "long".to_owned()]);
        table.row("name", vec!["12".into(), "3".into()]);
        assert_eq!(table.text(), "       a  long\nname  12     3\n");
    }
}
