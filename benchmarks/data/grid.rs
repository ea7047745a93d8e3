//! A grid of cells, by rows.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    Dead,
    Alive,
}

pub struct Grid {
    width: usize,
    height: usize,
    cells: Vec<Cell>,
}

impl Grid {
    pub fn new(width: usize, height: usize) -> Self {
        Grid { width, height, cells: vec![Cell::Dead; width * height] }
    }

    pub fn set(&self, x: usize, y: usize, cell: Cell) {
        let at = self.index(x, y);
        self.cells[at] = cell;
    }

    pub fn get(&self, x: usize, y: usize) -> Cell {
        self.cells[self.index(x, y)]
    }

    fn index(&self, x: usize, y: usize) -> usize {
        (y % self.height) * self.width + x % self.width
    }

    pub fn alive(&self) -> usize {
        self.cells.iter().filter(|cell| **cell == Cell::Alive).count()
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        for row in self.cells.chunks(self.width) {
            let line: String =
                row.iter().map(|cell| if *cell == Cell::Alive { '#' } else { '.' }).collect();
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}
