/**
 * PostgreSQL's time, ms since 1970: a bigint in a statement. What a row's time is held against is said by the database
 * that holds the row, so a node with a wrong clock ends nothing.
 */
export const NOW_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
