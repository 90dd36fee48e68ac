-- How far a process of the library has followed an application, written in the transaction of what it did about it.
create table laurel.tracking (
    application text primary key,
    position bigint not null
);
