from tests.api.routes.program import Program, transaction_body


async def test_a_transaction_is_recorded_with_what_it_causes(program: Program) -> None:
    campaign = await program.campaign()
    answered = await program.post("/transactions", transaction_body())
    assert answered.status_code == 201, answered.text
    assert answered.json() == {
        "position": str(program.head()),
        "id": "T-1001",
        "status": "pending",
        "member": "M-7",
        "outcomes": [
            {
                "kind": "contribution",
                "tiered_campaign": campaign,
                "occurrence": 1,
                "amount": "49.90",
                "total": "49.90",
                "pending_points": "499",
            }
        ],
    }
    assert answered.headers["laurel-position"] == answered.json()["position"]
