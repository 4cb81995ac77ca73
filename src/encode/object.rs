//! An object in the making: the row groups that are finished, and the one that grows.

use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use super::column::{Closed, Column, Workspace};
use super::plan::{Plan, Sizes};

/// An object in the making.
pub struct OpenObject {
    plan: Arc<Plan>,
    groups: Vec<Vec<Closed>>,
    columns: Vec<Column>,
    /// In `columns`.
    rows: usize,
}

impl OpenObject {
    pub(super) fn new(plan: Arc<Plan>) -> OpenObject {
        OpenObject { plan, groups: Vec::new(), columns: Vec::new(), rows: 0 }
    }

    /// Returns the bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        let closed: usize = self.groups.iter().flatten().map(Closed::held_bytes).sum();
        closed + self.open_bytes()
    }

    fn open_bytes(&self) -> usize {
        self.columns.iter().map(Column::held_bytes).sum()
    }

    pub(super) fn push(&mut self, rows: &RecordBatch, work: &mut Workspace) -> Result<()> {
        let Sizes { page_rows, group_rows, .. } = self.plan.sizes;
        let mut start = 0;
        while start < rows.num_rows() {
            let count = (rows.num_rows() - start).min(page_rows).min(group_rows - self.rows);
            self.push_some(&rows.slice(start, count), work)?;
            start += count;
        }
        Ok(())
    }

    fn push_some(&mut self, rows: &RecordBatch, work: &mut Workspace) -> Result<()> {
        let OpenObject { plan, columns, .. } = self;
        columns.resize_with(plan.columns.len(), Column::default);
        plan.columns_of(rows, |column, array, slots| {
            columns[column].push(&plan.columns[column], &plan.sizes, array, slots, work)
        })?;
        self.rows += rows.num_rows();
        let Sizes { group_rows, group_bytes, .. } = self.plan.sizes;
        if self.rows >= group_rows || self.open_bytes() >= group_bytes {
            self.close_group(work)?;
        }
        Ok(())
    }

    fn close_group(&mut self, work: &mut Workspace) -> Result<()> {
        let columns = std::mem::take(&mut self.columns).into_iter().zip(&self.plan.columns);
        self.groups.push(columns.map(|(column, plan)| column.close(plan, work)).collect::<Result<_>>()?);
        self.rows = 0;
        Ok(())
    }

    /// Puts the object together.
    pub(super) fn finish(mut self, entries: Vec<KeyValue>, work: &mut Workspace) -> Result<Bytes> {
        if self.rows > 0 {
            self.close_group(work)?;
        }
        // Where a column has one page, there is nothing to skip.
        let paged = self.groups.iter().flatten().any(Closed::has_pages);
        let properties = WriterProperties::builder()
            .set_created_by(format!("alluvium {}", env!("CARGO_PKG_VERSION")))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(!paged)
            .build();
        let pages: usize = self.groups.iter().flatten().map(Closed::held_bytes).sum();
        // Room for the footer, too.
        let out = Vec::with_capacity(pages + pages / 64 + 256 * self.plan.columns.len() * self.groups.len().max(1));
        let mut writer = SerializedFileWriter::new(out, self.plan.schema.root_schema_ptr(), properties.into())?;
        for columns in self.groups {
            let mut group = writer.next_row_group()?;
            for mut column in columns {
                if !paged {
                    column.result.column_index = None;
                    column.result.offset_index = None;
                }
                group.append_column(&column.bytes, column.result)?;
            }
            group.close()?;
        }
        entries.into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
        writer.into_inner().map(Bytes::from)
    }
}
