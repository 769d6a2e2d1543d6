-- newest 100 of http
SELECT * FROM http ORDER BY timestamp DESC LIMIT 100;
-- rare path, in the newest segment
SELECT * FROM http WHERE path = '/rare/newest' ORDER BY timestamp DESC LIMIT 100;
-- rare path, only in the oldest segment
SELECT * FROM http WHERE path = '/rare/oldest' ORDER BY timestamp DESC LIMIT 100;
-- rare text, in the newest segment
SELECT * FROM http WHERE path LIKE '%rare/newest%' ORDER BY timestamp DESC LIMIT 100;
-- rare text, only in the oldest segment
SELECT * FROM http WHERE path LIKE '%rare/oldest%' ORDER BY timestamp DESC LIMIT 100;
-- rare url, only in the oldest segment
SELECT * FROM http WHERE url LIKE '%rare/oldest%' ORDER BY timestamp DESC LIMIT 100;
-- regular expression on the path
SELECT * FROM http WHERE path ~ '^/ra[rs]e/(old|ancient)' ORDER BY timestamp DESC LIMIT 100;
-- regular expression on the path, counted
SELECT count(*) FROM http WHERE path ~ '/orders/[0-9]+7$';
-- slow calls
SELECT * FROM http WHERE elapsed_time > 94000 ORDER BY timestamp DESC LIMIT 100;
-- counts by status and minute, without connections
SELECT status_code, date_trunc('minute', timestamp) AS minute, count(*) FROM (
  SELECT status_code, timestamp FROM http UNION ALL
  SELECT status_code, timestamp FROM dns UNION ALL
  SELECT status_code, timestamp FROM redis UNION ALL
  SELECT status_code, timestamp FROM tls
) GROUP BY status_code, minute;
-- counts by status and minute
SELECT status_code, date_trunc('minute', timestamp) AS minute, count(*) FROM (
  SELECT status_code, timestamp FROM http UNION ALL
  SELECT status_code, timestamp FROM dns UNION ALL
  SELECT status_code, timestamp FROM redis UNION ALL
  SELECT status_code, timestamp FROM tls UNION ALL
  SELECT max(status_code), max(timestamp) FROM tcp GROUP BY id UNION ALL
  SELECT max(status_code), max(timestamp) FROM udp GROUP BY id
) GROUP BY status_code, minute;
-- counts by path
SELECT path, count(*) AS calls FROM http GROUP BY path ORDER BY calls DESC LIMIT 1000;
