//! The commands that are told apart: where their first key stands, and what they change in the exchange.

/// What a command changes in the exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// One reply follows.
    #[default]
    Normal,
    /// SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE: one confirmation for each channel.
    Subscribe,
    /// UNSUBSCRIBE and its kin: one confirmation for each channel.
    Unsubscribe,
    /// MONITOR: lines follow until the end.
    Monitor,
    /// PSYNC: a status, then a stream of commands from the server.
    PartialSync,
    /// SYNC: a snapshot, then a stream of commands from the server.
    Sync,
    /// CLIENT, of which REPLY switches replies off.
    Client,
    /// RESET: back to the beginning.
    Reset,
}

/// Where the first key of a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAt {
    /// Nowhere.
    None,
    /// At this argument; the command itself is 0.
    Argument(u32),
    /// Behind a count of keys at this argument.
    Counted(u32),
    /// Behind the argument STREAMS.
    Streams,
}

/// The facts of a command, by its name in upper case. Unknown ones have their key at the first argument, as most do.
pub fn facts(verb: &[u8]) -> (Kind, KeyAt) {
    let key = match verb {
        b"GET" | b"SET" | b"DEL" | b"HGET" | b"HSET" | b"INCR" | b"EXPIRE" | b"EXISTS" | b"MGET" | b"MSET" => {
            KeyAt::Argument(1)
        }
        b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE" => return (Kind::Subscribe, KeyAt::None),
        b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE" => return (Kind::Unsubscribe, KeyAt::None),
        b"MONITOR" => return (Kind::Monitor, KeyAt::None),
        b"PSYNC" => return (Kind::PartialSync, KeyAt::None),
        b"SYNC" => return (Kind::Sync, KeyAt::None),
        b"CLIENT" => return (Kind::Client, KeyAt::None),
        b"RESET" => return (Kind::Reset, KeyAt::None),
        b"PING" | b"ECHO" | b"AUTH" | b"HELLO" | b"QUIT" | b"SELECT" | b"SWAPDB" | b"INFO" | b"COMMAND" | b"CONFIG"
        | b"MULTI" | b"EXEC" | b"DISCARD" | b"UNWATCH" | b"PUBLISH" | b"SPUBLISH" | b"PUBSUB" | b"SCRIPT"
        | b"FUNCTION" | b"KEYS" | b"SCAN" | b"RANDOMKEY" | b"DBSIZE" | b"FLUSHALL" | b"FLUSHDB" | b"CLUSTER"
        | b"SENTINEL" | b"REPLCONF" | b"REPLICAOF" | b"SLAVEOF" | b"ROLE" | b"FAILOVER" | b"SHUTDOWN" | b"SAVE"
        | b"BGSAVE" | b"BGREWRITEAOF" | b"LASTSAVE" | b"WAIT" | b"WAITAOF" | b"ACL" | b"MODULE" | b"SLOWLOG"
        | b"LATENCY" | b"TIME" | b"ASKING" | b"READONLY" | b"READWRITE" | b"LOLWUT" | b"DEBUG" => KeyAt::None,
        b"OBJECT" | b"MEMORY" | b"XINFO" | b"XGROUP" | b"BITOP" => KeyAt::Argument(2),
        b"MIGRATE" => KeyAt::Argument(3),
        b"EVAL" | b"EVALSHA" | b"EVAL_RO" | b"EVALSHA_RO" | b"FCALL" | b"FCALL_RO" | b"BLMPOP" | b"BZMPOP" => {
            KeyAt::Counted(2)
        }
        b"LMPOP" | b"ZMPOP" | b"SINTERCARD" | b"ZINTERCARD" | b"ZUNION" | b"ZINTER" | b"ZDIFF" => KeyAt::Counted(1),
        b"XREAD" | b"XREADGROUP" => KeyAt::Streams,
        _ => KeyAt::Argument(1),
    };
    (Kind::Normal, key)
}

/// Whether a word, in any case, is a command of the server; for recognition, so words of English that are commands
/// count only with the framing around them.
pub fn is_known(word: &[u8]) -> bool {
    let mut upper = [0u8; LONGEST];
    let Some(verb) = upper.get_mut(..word.len()) else { return false };
    verb.copy_from_slice(word);
    verb.make_ascii_uppercase();
    KNOWN.binary_search(&&*verb).is_ok()
}

/// The longest known command.
const LONGEST: usize = 20;

/// Sorted.
static KNOWN: &[&[u8]] = &[
    b"ACL",
    b"APPEND",
    b"ASKING",
    b"AUTH",
    b"BGREWRITEAOF",
    b"BGSAVE",
    b"BITCOUNT",
    b"BITFIELD",
    b"BITFIELD_RO",
    b"BITOP",
    b"BITPOS",
    b"BLMOVE",
    b"BLMPOP",
    b"BLPOP",
    b"BRPOP",
    b"BRPOPLPUSH",
    b"BZMPOP",
    b"BZPOPMAX",
    b"BZPOPMIN",
    b"CLIENT",
    b"CLUSTER",
    b"COMMAND",
    b"CONFIG",
    b"COPY",
    b"DBSIZE",
    b"DEBUG",
    b"DECR",
    b"DECRBY",
    b"DEL",
    b"DISCARD",
    b"DUMP",
    b"ECHO",
    b"EVAL",
    b"EVALSHA",
    b"EVALSHA_RO",
    b"EVAL_RO",
    b"EXEC",
    b"EXISTS",
    b"EXPIRE",
    b"EXPIREAT",
    b"EXPIRETIME",
    b"FAILOVER",
    b"FCALL",
    b"FCALL_RO",
    b"FLUSHALL",
    b"FLUSHDB",
    b"FUNCTION",
    b"GEOADD",
    b"GEODIST",
    b"GEOHASH",
    b"GEOPOS",
    b"GEORADIUS",
    b"GEOSEARCH",
    b"GEOSEARCHSTORE",
    b"GET",
    b"GETBIT",
    b"GETDEL",
    b"GETEX",
    b"GETRANGE",
    b"GETSET",
    b"HDEL",
    b"HELLO",
    b"HEXISTS",
    b"HEXPIRE",
    b"HGET",
    b"HGETALL",
    b"HINCRBY",
    b"HINCRBYFLOAT",
    b"HKEYS",
    b"HLEN",
    b"HMGET",
    b"HMSET",
    b"HRANDFIELD",
    b"HSCAN",
    b"HSET",
    b"HSETNX",
    b"HSTRLEN",
    b"HVALS",
    b"INCR",
    b"INCRBY",
    b"INCRBYFLOAT",
    b"INFO",
    b"KEYS",
    b"LASTSAVE",
    b"LATENCY",
    b"LCS",
    b"LINDEX",
    b"LINSERT",
    b"LLEN",
    b"LMOVE",
    b"LMPOP",
    b"LOLWUT",
    b"LPOP",
    b"LPOS",
    b"LPUSH",
    b"LPUSHX",
    b"LRANGE",
    b"LREM",
    b"LSET",
    b"LTRIM",
    b"MEMORY",
    b"MGET",
    b"MIGRATE",
    b"MODULE",
    b"MONITOR",
    b"MOVE",
    b"MSET",
    b"MSETNX",
    b"MULTI",
    b"OBJECT",
    b"PERSIST",
    b"PEXPIRE",
    b"PEXPIREAT",
    b"PFADD",
    b"PFCOUNT",
    b"PFMERGE",
    b"PING",
    b"PSETEX",
    b"PSUBSCRIBE",
    b"PSYNC",
    b"PTTL",
    b"PUBLISH",
    b"PUBSUB",
    b"PUNSUBSCRIBE",
    b"QUIT",
    b"RANDOMKEY",
    b"READONLY",
    b"READWRITE",
    b"RENAME",
    b"RENAMENX",
    b"REPLCONF",
    b"REPLICAOF",
    b"RESET",
    b"RESTORE",
    b"ROLE",
    b"RPOP",
    b"RPOPLPUSH",
    b"RPUSH",
    b"RPUSHX",
    b"SADD",
    b"SAVE",
    b"SCAN",
    b"SCARD",
    b"SCRIPT",
    b"SDIFF",
    b"SDIFFSTORE",
    b"SELECT",
    b"SENTINEL",
    b"SET",
    b"SETBIT",
    b"SETEX",
    b"SETNX",
    b"SETRANGE",
    b"SHUTDOWN",
    b"SINTER",
    b"SINTERCARD",
    b"SINTERSTORE",
    b"SISMEMBER",
    b"SLAVEOF",
    b"SLOWLOG",
    b"SMEMBERS",
    b"SMISMEMBER",
    b"SMOVE",
    b"SORT",
    b"SORT_RO",
    b"SPOP",
    b"SPUBLISH",
    b"SRANDMEMBER",
    b"SREM",
    b"SSCAN",
    b"SSUBSCRIBE",
    b"STRLEN",
    b"SUBSCRIBE",
    b"SUNION",
    b"SUNIONSTORE",
    b"SUNSUBSCRIBE",
    b"SWAPDB",
    b"SYNC",
    b"TIME",
    b"TOUCH",
    b"TTL",
    b"TYPE",
    b"UNLINK",
    b"UNSUBSCRIBE",
    b"UNWATCH",
    b"WAIT",
    b"WAITAOF",
    b"WATCH",
    b"XACK",
    b"XADD",
    b"XAUTOCLAIM",
    b"XCLAIM",
    b"XDEL",
    b"XGROUP",
    b"XINFO",
    b"XLEN",
    b"XPENDING",
    b"XRANGE",
    b"XREAD",
    b"XREADGROUP",
    b"XREVRANGE",
    b"XTRIM",
    b"ZADD",
    b"ZCARD",
    b"ZCOUNT",
    b"ZDIFF",
    b"ZINCRBY",
    b"ZINTER",
    b"ZINTERCARD",
    b"ZLEXCOUNT",
    b"ZMPOP",
    b"ZMSCORE",
    b"ZPOPMAX",
    b"ZPOPMIN",
    b"ZRANDMEMBER",
    b"ZRANGE",
    b"ZRANGEBYLEX",
    b"ZRANGEBYSCORE",
    b"ZRANGESTORE",
    b"ZRANK",
    b"ZREM",
    b"ZREVRANGE",
    b"ZREVRANGEBYSCORE",
    b"ZREVRANK",
    b"ZSCAN",
    b"ZSCORE",
    b"ZUNION",
    b"ZUNIONSTORE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_commands_are_sorted_and_fit() {
        assert!(KNOWN.is_sorted());
        assert!(KNOWN.iter().all(|verb| verb.len() <= LONGEST));
        assert!(is_known(b"get") && is_known(b"ZUNIONSTORE") && !is_known(b"FETCH"));
    }
}
