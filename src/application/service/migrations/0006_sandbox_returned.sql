-- Whether a sandbox's clock that was moved has gone back to real time: its history has begun for good then.
ALTER TABLE laurel.sandbox ADD COLUMN returned boolean NOT NULL DEFAULT false;
