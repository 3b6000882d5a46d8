CREATE TABLE accounts (
	id BIGSERIAL NOT NULL,
	name TEXT NOT NULL,
	segment TEXT NOT NULL,
	webhook_keys TEXT DEFAULT '' NOT NULL,
	disabled INTEGER DEFAULT '0' NOT NULL,
	concurrency INTEGER,
	max_waiting INTEGER,
	rate_creates INTEGER,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name),
	UNIQUE (segment)
);

CREATE TABLE assets (
	id TEXT NOT NULL,
	account_id BIGINT NOT NULL,
	task_id TEXT,
	kind TEXT NOT NULL,
	number INTEGER DEFAULT '0' NOT NULL,
	path TEXT NOT NULL,
	name TEXT NOT NULL,
	media_type TEXT NOT NULL,
	size BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	width INTEGER,
	height INTEGER,
	seconds_ms BIGINT,
	created_at BIGINT NOT NULL,
	expires_at BIGINT,
	link TEXT,
	PRIMARY KEY (id)
);

CREATE INDEX ix_assets_expiry ON assets (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX ix_assets_link ON assets (link) WHERE link IS NOT NULL;

CREATE INDEX ix_assets_task ON assets (task_id) WHERE task_id IS NOT NULL;

CREATE TABLE attempts (
	id TEXT NOT NULL,
	task_id TEXT NOT NULL,
	number INTEGER NOT NULL,
	connection TEXT NOT NULL,
	upstream_model TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	submitted_at BIGINT,
	ended_at BIGINT,
	ref TEXT,
	verdict TEXT,
	kind TEXT,
	message TEXT,
	upstream TEXT,
	request TEXT,
	cost BIGINT,
	provider TEXT,
	PRIMARY KEY (id)
);

CREATE INDEX ix_attempts_task_id ON attempts (task_id);

CREATE TABLE audit (
	id BIGSERIAL NOT NULL,
	at BIGINT NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	subject TEXT NOT NULL,
	detail TEXT DEFAULT '{}' NOT NULL,
	PRIMARY KEY (id)
);

CREATE TABLE balances (
	account_id BIGINT NOT NULL,
	mode TEXT NOT NULL,
	available BIGINT DEFAULT '0' NOT NULL,
	held BIGINT DEFAULT '0' NOT NULL,
	unfinished INTEGER DEFAULT '0' NOT NULL,
	rate_started BIGINT DEFAULT '0' NOT NULL,
	rate_count INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (account_id, mode),
	CONSTRAINT ck_balances_available CHECK (available >= 0),
	CONSTRAINT ck_balances_held CHECK (held >= 0)
);

CREATE TABLE blocks (
	id TEXT NOT NULL,
	account_id BIGINT NOT NULL,
	mode TEXT NOT NULL,
	key_id BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	spent BIGINT DEFAULT '0' NOT NULL,
	opened_at BIGINT NOT NULL,
	owner TEXT NOT NULL,
	lease_until BIGINT NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX ix_blocks_lease_until ON blocks (lease_until);

CREATE TABLE chat_rates (
	account_id BIGINT NOT NULL,
	started BIGINT DEFAULT '0' NOT NULL,
	taken BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (account_id)
);

CREATE TABLE connections (
	name TEXT NOT NULL,
	state TEXT DEFAULT 'ok' NOT NULL,
	failures INTEGER DEFAULT '0' NOT NULL,
	until BIGINT DEFAULT '0' NOT NULL,
	last_error TEXT DEFAULT '' NOT NULL,
	last_error_at BIGINT DEFAULT '0' NOT NULL,
	spent_day BIGINT DEFAULT '0' NOT NULL,
	spent BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE deliveries (
	id BIGSERIAL NOT NULL,
	outbox_id BIGINT NOT NULL,
	task_id TEXT NOT NULL,
	at BIGINT NOT NULL,
	duration_ms INTEGER NOT NULL,
	status INTEGER,
	error TEXT,
	PRIMARY KEY (id)
);

CREATE INDEX ix_deliveries_outbox_id ON deliveries (outbox_id);

CREATE INDEX ix_deliveries_task_id ON deliveries (task_id);

CREATE TABLE events (
	task_id TEXT NOT NULL,
	number INTEGER NOT NULL,
	stage TEXT NOT NULL,
	at BIGINT NOT NULL,
	data TEXT DEFAULT '{}' NOT NULL,
	PRIMARY KEY (task_id, number)
);

CREATE TABLE hints (
	task_id TEXT NOT NULL,
	attempt_id TEXT NOT NULL,
	at BIGINT NOT NULL,
	report TEXT,
	PRIMARY KEY (task_id)
);

CREATE TABLE idempotency (
	account_id BIGINT NOT NULL,
	operation TEXT NOT NULL,
	key TEXT NOT NULL,
	body_hash TEXT NOT NULL,
	task_id TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (account_id, operation, key)
);

CREATE INDEX ix_idempotency_created_at ON idempotency (created_at);

CREATE TABLE keys (
	id BIGSERIAL NOT NULL,
	account_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	hash TEXT NOT NULL,
	hint TEXT NOT NULL,
	scope TEXT NOT NULL,
	mode TEXT NOT NULL,
	disabled INTEGER DEFAULT '0' NOT NULL,
	cap_hourly BIGINT,
	cap_daily BIGINT,
	cap_total BIGINT,
	allow_ips TEXT DEFAULT '[]' NOT NULL,
	hour BIGINT DEFAULT '0' NOT NULL,
	hour_spent BIGINT DEFAULT '0' NOT NULL,
	day BIGINT DEFAULT '0' NOT NULL,
	day_spent BIGINT DEFAULT '0' NOT NULL,
	total_spent BIGINT DEFAULT '0' NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (hash)
);

CREATE INDEX ix_keys_account_id ON keys (account_id);

CREATE TABLE lane_marks (
	lane TEXT NOT NULL,
	batch BIGINT NOT NULL,
	PRIMARY KEY (lane)
);

CREATE TABLE ledger (
	id BIGSERIAL NOT NULL,
	account_id BIGINT NOT NULL,
	mode TEXT NOT NULL,
	kind TEXT NOT NULL,
	amount BIGINT NOT NULL,
	returned BIGINT DEFAULT '0' NOT NULL,
	task_id TEXT,
	side INTEGER,
	key_id BIGINT,
	note TEXT DEFAULT '' NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX ix_ledger_account ON ledger (account_id, mode, id);

CREATE UNIQUE INDEX ux_ledger_task ON ledger (task_id, side) WHERE task_id IS NOT NULL;

CREATE TABLE meta (
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (key)
);

CREATE TABLE nodes (
	id TEXT NOT NULL,
	slot TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	lease_until BIGINT NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX ix_nodes_slot ON nodes (slot);

CREATE TABLE outbox (
	id BIGSERIAL NOT NULL,
	message_id TEXT NOT NULL,
	task_id TEXT NOT NULL,
	account_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	stage TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	url TEXT NOT NULL,
	body TEXT DEFAULT '' NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER DEFAULT '0' NOT NULL,
	created_at BIGINT NOT NULL,
	next_try_at BIGINT NOT NULL,
	lease_owner TEXT,
	lease_until BIGINT,
	PRIMARY KEY (id)
);

CREATE INDEX ix_outbox_pending ON outbox (endpoint, next_try_at) WHERE state = 'pending';

CREATE INDEX ix_outbox_task_id ON outbox (task_id);

CREATE TABLE pieces (
	id TEXT NOT NULL,
	task_id TEXT NOT NULL,
	number INTEGER DEFAULT '0' NOT NULL,
	account_id BIGINT NOT NULL,
	mode TEXT NOT NULL,
	kind TEXT NOT NULL,
	asset_id TEXT,
	connection TEXT,
	upstream_ref TEXT,
	data TEXT DEFAULT '{}' NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX ix_pieces_task_id ON pieces (task_id);

CREATE TABLE pins (
	task_id TEXT NOT NULL,
	target TEXT NOT NULL,
	PRIMARY KEY (task_id, target)
);

CREATE INDEX ix_pins_target ON pins (target);

CREATE TABLE post_steps (
	version TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (version)
);

CREATE TABLE tasks (
	id TEXT NOT NULL,
	account_id BIGINT NOT NULL,
	key_id BIGINT NOT NULL,
	mode TEXT NOT NULL,
	dialect TEXT NOT NULL,
	model TEXT NOT NULL,
	state TEXT NOT NULL,
	input TEXT NOT NULL,
	callback_url TEXT,
	progress_url TEXT,
	client_task_id TEXT,
	warnings TEXT DEFAULT '' NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	completed_at BIGINT,
	deadline_at BIGINT NOT NULL,
	due_at BIGINT NOT NULL,
	lease_owner TEXT,
	epoch INTEGER DEFAULT '0' NOT NULL,
	attempt_id TEXT,
	attempts INTEGER DEFAULT '0' NOT NULL,
	connection TEXT,
	upstream_model TEXT,
	ref TEXT,
	prepared TEXT,
	outputs TEXT,
	hold BIGINT NOT NULL,
	price TEXT NOT NULL,
	captured BIGINT,
	result TEXT,
	fail_kind TEXT,
	fail_code INTEGER,
	fail_message TEXT,
	progress INTEGER,
	cancel_at BIGINT,
	keep INTEGER DEFAULT '0' NOT NULL,
	pins INTEGER DEFAULT '0' NOT NULL,
	hops INTEGER DEFAULT '0' NOT NULL,
	filled TEXT,
	fitted TEXT,
	PRIMARY KEY (id)
);

CREATE INDEX ix_tasks_account ON tasks (account_id, mode, id);

CREATE INDEX ix_tasks_cancelling ON tasks (lease_owner, cancel_at) WHERE cancel_at IS NOT NULL AND completed_at IS NULL;

CREATE INDEX ix_tasks_claimable ON tasks (account_id, id) WHERE lease_owner IS NULL AND completed_at IS NULL;

CREATE INDEX ix_tasks_in_flight ON tasks (connection) WHERE state IN ('submitting', 'review', 'generating');

CREATE INDEX ix_tasks_leased ON tasks (lease_owner, account_id) WHERE lease_owner IS NOT NULL;
